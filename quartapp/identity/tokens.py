"""JSON Web Tokens (RFC 7519): issue and verification."""

from __future__ import annotations

import hmac
import uuid
from contextlib import suppress
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import jwt

from quartapp.clock import SYSTEM_CLOCK, Clock
from quartapp.encoding import object_id
from quartapp.errors import DomainError
from quartapp.identity.principal import Principal

if TYPE_CHECKING:
    from collections.abc import Mapping


ALGORITHM = "HS256"
TOKEN_LIFETIME_SECONDS = 24 * 60 * 60
# The cache of verified tokens saves the computation of the signature, a tenth of a short request.
REMEMBERED_TOKENS = 10_000
# Python's dates end with the year 9999; some issuers write `exp` in milliseconds by mistake.
LAST_SECOND = 253_402_300_799
LEEWAY_SECONDS = 60
ISSUER = "quartapp"
_ID_CHARACTERS = 16
RESERVED_CLAIMS = frozenset({"id", "role", "iat", "exp", "ver", "jti", "iss"})


class InvalidTokenError(DomainError):
    """A token that is malformed, forged, expired or signed by another algorithm."""


class AccountGoneError(InvalidTokenError):
    """A valid token whose account was deleted."""


class Tokens:
    """Issues and verifies the JSON Web Tokens (RFC 7519) of one server.

    Args:
        secret: The HMAC key, 32 bytes or more (RFC 7518, section 3.2).
        lifetime: Lifetime of a token, in seconds.
        clock: Clock that decides when a token has run out.
        old_secret: Further key whose tokens are valid, while keys are exchanged; None without one.
    """

    def __init__(
        self,
        secret: str,
        lifetime: float = TOKEN_LIFETIME_SECONDS,
        clock: Clock = SYSTEM_CLOCK,
        *,
        old_secret: str | None = None,
    ) -> None:
        self._secret = secret
        self._secrets = (secret,) if old_secret is None else (secret, old_secret)
        self._by_id = {_id_of(one): one for one in self._secrets}
        self._lifetime = lifetime
        self._time = clock.time
        self._verified: dict[str, Principal] = {}

    def derived_key(self, purpose: str) -> bytes:
        """Return a key of 32 bytes that only servers with this secret can derive.

        Args:
            purpose: Purpose of the key; keys of different purposes reveal nothing of each other.
        """
        return _derived(self._secret, purpose)

    def derived_keys(self, purpose: str) -> tuple[bytes, ...]:
        """Return the keys that open what any valid secret has closed, the key to close with first.

        Args:
            purpose: Purpose of the keys, as for :meth:`derived_key`.
        """
        return tuple(_derived(secret, purpose) for secret in self._secrets)

    def issue(
        self, user_id: str, role: str, claims: Mapping[str, Any] | None = None, *, ver: int = 0
    ) -> str:
        """Return a new token.

        Args:
            user_id: The user's ``_id``, 24 hex digits.
            role: The user's role.
            claims: Further claims; they do not override the reserved claims.
            ver: Version of the account. A higher version in the account ends the token.
        """
        now = int(self._time())
        payload = {
            **(claims or {}),
            "iss": ISSUER,
            "id": user_id,
            "role": role,
            "ver": ver,
            "jti": uuid.uuid4().hex,
            "iat": now,
            "exp": now + int(self._lifetime),
        }
        headers = {"kid": _id_of(self._secret)}
        return jwt.encode(payload, self._secret, algorithm=ALGORITHM, headers=headers)

    def verify(self, token: str) -> Principal:
        """Return the principal of ``token``.

        Args:
            token: The encoded token.

        Raises:
            InvalidTokenError: The token is malformed, forged, expired, issued in the future or by
                somebody else, or of another algorithm.
        """
        known = self._verified.get(token)
        if known is not None and known.expires_at > self._time():
            return known
        principal = self._decoded(token)
        if len(self._verified) >= REMEMBERED_TOKENS:
            self._verified.clear()
        self._verified[token] = principal
        return principal

    def _decoded(self, token: str) -> Principal:
        try:
            claims = self._claims(token)
            expires_at = int(claims["exp"])
            begins_at = int(claims.get("nbf", 0))
            issued_at = int(claims["iat"])
        except (
            jwt.InvalidTokenError,
            ValueError,
            TypeError,
            OverflowError,
            RecursionError,
        ) as error:
            raise InvalidTokenError(str(error)) from error
        now = self._time()
        if expires_at <= now:
            raise InvalidTokenError("the token has run out")
        if begins_at > now:
            raise InvalidTokenError("the token is not valid yet")
        # The clock of the server that issued the token may be ahead of ours.
        if issued_at > now + LEEWAY_SECONDS:
            raise InvalidTokenError("the token was issued in the future")
        # Tokens of earlier versions name no issuer.
        if claims.get("iss", ISSUER) != ISSUER:
            raise InvalidTokenError("the token is of another issuer")
        user_id, role = claims["id"], claims["role"]
        if not isinstance(user_id, str) or object_id(user_id) is None or not isinstance(role, str):
            raise InvalidTokenError("claims of the wrong type")
        if type(claims.get("ver", 0)) is not int:  # isinstance takes a bool for an int
            raise InvalidTokenError("claims of the wrong type")
        # The principal is cached and shared, so nobody may change the claims.
        return Principal(
            user_id, role, float(min(expires_at, LAST_SECOND)), MappingProxyType(claims)
        )

    def _claims(self, token: str) -> dict[str, Any]:
        *others, last = self._candidates(token)
        for secret in others:
            with suppress(jwt.InvalidSignatureError):
                return _verified(token, secret)
        return _verified(token, last)

    def _candidates(self, token: str) -> tuple[str, ...]:
        name = jwt.get_unverified_header(token).get("kid")
        if name is None:  # as in tokens of earlier versions
            return self._secrets
        if name not in self._by_id:
            raise jwt.InvalidTokenError("the token is signed with another key")
        return (self._by_id[name],)


def _verified(token: str, secret: str) -> dict[str, Any]:
    return jwt.decode(
        token,
        secret,
        algorithms=[ALGORITHM],
        # PyJWT asks the system for the time. The server's own clock is asked afterwards.
        options={
            "require": ["id", "role", "iat", "exp"],
            "verify_iat": False,
            "verify_exp": False,
            "verify_nbf": False,
        },
    )


def _derived(secret: str, purpose: str) -> bytes:
    return hmac.digest(secret.encode(), f"quartapp {purpose}".encode(), "sha256")


def _id_of(secret: str) -> str:
    """Return the name of a key in tokens (``kid``), which reveals nothing of the key."""
    return _derived(secret, "kid").hex()[:_ID_CHARACTERS]
