"""Finds out who a request or a socket comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quartapp.identity.principal import CredentialsRefusedError
from quartapp.identity.tokens import InvalidTokenError, Tokens

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from quart.wrappers import Request, Websocket

    from quartapp.identity.principal import Principal

    KnowsStrangers = Callable[[Request | Websocket], Awaitable[Principal | None]]


class Authenticator:
    """Finds out who a request or a socket comes from.

    Args:
        tokens: This server's own.
        strangers: Asked about credentials that are no tokens of this server. It returns a
            principal, or None for credentials that it does not know; for those that it knows to be
            bad, it raises :class:`~quartapp.identity.principal.CredentialsRefusedError`.
    """

    def __init__(self, tokens: Tokens, strangers: KnowsStrangers) -> None:
        self._tokens = tokens
        self._strangers = strangers

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
            principal = await self._strangers(connection)
        except CredentialsRefusedError as error:
            raise InvalidTokenError(str(error)) from error
        if principal is None:
            raise reason
        return principal
