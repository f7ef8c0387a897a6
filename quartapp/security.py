"""Who is asking: principals, tokens and what a route asks of them."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import jwt

from quartapp.encoding import object_id
from quartapp.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from werkzeug.datastructures import Headers

ALGORITHM = "HS256"
TOKEN_LIFETIME_SECONDS = 24 * 60 * 60
RESERVED_CLAIMS = frozenset({"id", "role", "iat", "exp"})


class InvalidTokenError(Exception):
    """A token that is malformed, forged, expired or signed in another way."""


@dataclass(frozen=True, slots=True)
class Principal:
    """The person (or system) behind a request or a socket.

    Attributes:
        id: The user's ``_id``, 24 hex digits.
        role: ``teacher`` or ``student`` with the bundled plugins; plugins may bring others.
        expires_at: When the credentials end, in seconds since the epoch.
        claims: Every claim of the token.
    """

    id: str
    role: str
    expires_at: float = float("inf")
    claims: Mapping[str, Any] = field(default_factory=dict, hash=False)


class Tokens:
    """Issues and verifies the JSON Web Tokens (RFC 7519) of one server.

    Args:
        secret: The HMAC key, 32 bytes or more (RFC 7518, section 3.2).
        lifetime: Seconds that a token is valid for.
    """

    def __init__(self, secret: str, lifetime: int = TOKEN_LIFETIME_SECONDS) -> None:
        self._secret = secret
        self._lifetime = lifetime

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
        return Principal(user_id, role, float(claims["exp"]), claims)


@dataclass(frozen=True, slots=True)
class Access:
    """What a route asks of its caller: nothing, a sign-in, or one role."""

    signed_in: bool
    role: str | None = None

    def check(self, principal: Principal) -> None:
        """Let ``principal`` pass.

        Raises:
            ApiError: 403, the role is another.
        """
        if self.role is not None and principal.role != self.role:
            raise ApiError(HTTPStatus.FORBIDDEN, self.refusal)

    @property
    def refusal(self) -> str:
        """The message for a caller of another role."""
        return f"Forbidden, {self.role} access required"


PUBLIC = Access(signed_in=False)
SIGNED_IN = Access(signed_in=True)


def role(name: str) -> Access:
    """Access for one role alone."""
    return Access(signed_in=True, role=name)


def unauthorized(message: str) -> ApiError:
    """A 401 with the header that RFC 9110 asks for."""
    return ApiError(HTTPStatus.UNAUTHORIZED, message, headers={"WWW-Authenticate": "Bearer"})


MISSING_TOKEN = "please send jwt token"  # noqa: S105 - a message
INVALID_TOKEN = "Unauthorized, token missing or invalid"  # noqa: S105 - a message


def bearer_token(headers: Headers) -> str | None:
    """The token of an ``Authorization: Bearer`` header (RFC 6750); the scheme's case is ignored.

    Returns:
        The token; None when no token was sent; an empty string when the header is of another form.
    """
    header = headers.get("Authorization", "").strip()
    if not header:
        return None
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer":
        return ""
    return token.strip() or None


def authenticate_headers(headers: Headers, tokens: Tokens) -> Principal:
    """The principal of a request.

    Raises:
        ApiError: 401, no token or a bad one.
    """
    token = bearer_token(headers)
    if token is None:
        raise unauthorized(MISSING_TOKEN)
    try:
        return tokens.verify(token)
    except InvalidTokenError as error:
        raise unauthorized(INVALID_TOKEN) from error
