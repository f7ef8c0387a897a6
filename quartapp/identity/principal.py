"""Who is asking: principals, tokens and what a route asks of them."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from http import HTTPStatus
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import jwt

from quartapp.encoding import object_id
from quartapp.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from quart.wrappers import Request, Websocket
    from werkzeug.datastructures import Headers

    from quartapp.hooks.plugins import Plugins

ALGORITHM = "HS256"
TOKEN_LIFETIME_SECONDS = 24 * 60 * 60
# Verified tokens whose signature is not computed again; it is a tenth of a short request.
REMEMBERED_TOKENS = 10_000
# Of the year 9999, the last that a date can have; some write milliseconds by mistake.
LAST_SECOND = 253_402_300_799
RESERVED_CLAIMS = frozenset({"id", "role", "iat", "exp"})


class InvalidTokenError(Exception):
    """A token that is malformed, forged, expired or signed in another way."""


@dataclass(frozen=True, slots=True)
class Principal:
    """The person (or system) behind a request or a socket.

    Attributes:
        id: The user's ``_id``, 24 hex digits.
        role: One word; which there are is the plugins' to say.
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


@dataclass(frozen=True, slots=True)
class Account:
    """A person's account, as plugins see it.

    Attributes:
        id: The user's ``_id``.
        email: Lower-cased address.
        name: As the API answers it.
        role: The user's role.
    """

    id: str
    email: str
    name: str
    role: str


@dataclass(frozen=True, slots=True)
class Identity:
    """A person whom another system has verified.

    Attributes:
        email: The address that the person's account here has, or will have.
        name: For a new account.
        role: For a new account.
    """

    email: str
    name: str
    role: str


class CredentialsRefusedError(Exception):
    """Credentials that a plugin recognised, and that are bad."""


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

    @property
    def label(self) -> str:
        """What the OpenAPI document calls it: public, any, or the role."""
        return (self.role or "any") if self.signed_in else "public"


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


class Authenticator:
    """Finds out who a request or a socket comes from.

    Args:
        tokens: This server's own.
        plugins: Asked about credentials that are not ours.
    """

    def __init__(self, tokens: Tokens, plugins: Plugins) -> None:
        self._tokens = tokens
        self._plugins = plugins

    async def __call__(self, connection: Request | Websocket, token: str | None) -> Principal:
        """The principal of ``connection``.

        Args:
            connection: The request or the handshake.
            token: The token it carries, if any.

        Raises:
            InvalidTokenError: Nobody knows these credentials, or they are bad.
        """
        reason: InvalidTokenError
        try:
            return self._tokens.verify(token or "")
        except InvalidTokenError as error:
            reason = error
        try:
            principal = await self._plugins.authenticate(connection)
        except CredentialsRefusedError as error:
            raise InvalidTokenError(str(error)) from error
        if principal is None:
            raise reason
        return principal

    async def request(self, request: Request, missing: str = MISSING_TOKEN) -> Principal:
        """The principal of an HTTP request.

        Args:
            request: The request.
            missing: The message for one without a token.

        Raises:
            ApiError: 401, no token or a bad one.
        """
        token = bearer_token(request.headers)
        try:
            return await self(request, token)
        except InvalidTokenError as error:
            raise unauthorized(missing if token is None else INVALID_TOKEN) from error
