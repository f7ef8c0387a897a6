"""JSON Web Tokens (RFC 7519): issued, verified."""

from __future__ import annotations

import time
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import jwt

from quartapp.encoding import object_id
from quartapp.errors import DomainError
from quartapp.identity.principal import Principal

if TYPE_CHECKING:
    from collections.abc import Mapping


ALGORITHM = "HS256"
TOKEN_LIFETIME_SECONDS = 24 * 60 * 60
# Verified tokens whose signature is not computed again; it is a tenth of a short request.
REMEMBERED_TOKENS = 10_000
# Of the year 9999, the last that a date can have; some write milliseconds by mistake.
LAST_SECOND = 253_402_300_799
RESERVED_CLAIMS = frozenset({"id", "role", "iat", "exp"})


class InvalidTokenError(DomainError):
    """A token that is malformed, forged, expired or signed in another way."""


class Tokens:
    """Issues and verifies the JSON Web Tokens (RFC 7519) of one server.

    Args:
        secret: The HMAC key, 32 bytes or more (RFC 7518, section 3.2).
        lifetime: Seconds that a token is valid for.
    """

    def __init__(self, secret: str, lifetime: int = TOKEN_LIFETIME_SECONDS) -> None:
        self._secret = secret
        self._lifetime = lifetime
        self._verified: dict[str, Principal] = {}

    def issue(self, user_id: str, role: str, claims: Mapping[str, Any] | None = None) -> str:
        """A new token.

        Args:
            user_id: The user's ``_id``.
            role: The user's role.
            claims: Further claims; the reserved ones are not overridden.
        """
        now = int(time.time())
        payload = {
            **(claims or {}),
            "id": user_id,
            "role": role,
            "iat": now,
            "exp": now + self._lifetime,
        }
        return jwt.encode(payload, self._secret, algorithm=ALGORITHM)

    def verify(self, token: str) -> Principal:
        """The principal that ``token`` stands for.

        Raises:
            InvalidTokenError: It is malformed, forged, expired, or of another algorithm.
        """
        known = self._verified.get(token)
        if known is not None and known.expires_at > time.time():
            return known
        principal = self._decoded(token)
        if len(self._verified) >= REMEMBERED_TOKENS:
            self._verified.clear()
        self._verified[token] = principal
        return principal

    def _decoded(self, token: str) -> Principal:
        try:
            claims = jwt.decode(
                token,
                self._secret,
                algorithms=[ALGORITHM],
                # A neighbour's clock may be ahead of ours; what limits a token is `exp`.
                options={"require": ["id", "role", "iat", "exp"], "verify_iat": False},
            )
        except (jwt.InvalidTokenError, ValueError) as error:
            raise InvalidTokenError(str(error)) from error
        user_id, role = claims["id"], claims["role"]
        if not isinstance(user_id, str) or object_id(user_id) is None or not isinstance(role, str):
            raise InvalidTokenError("claims of the wrong type")
        expires_at = float(min(int(claims["exp"]), LAST_SECOND))
        # It is kept, and handed out again: nobody is to change it.
        return Principal(user_id, role, expires_at, MappingProxyType(claims))
