"""Finds out who a request or a socket comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quartapp.identity.principal import CredentialsRefusedError
from quartapp.identity.tokens import InvalidTokenError, Tokens

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from quart.wrappers import Request, Websocket

    from quartapp.identity.principal import Principal
    from quartapp.identity.standing import Standing

    KnowsStrangers = Callable[[Request | Websocket], Awaitable[Principal | None]]


class Authenticator:
    """Finds out who a request or a socket comes from.

    Args:
        tokens: This server's own.
        strangers: Asked about credentials that are no tokens of this server. It returns a
            principal, or None for credentials that it does not know; for those that it knows to be
            bad, it raises :class:`~quartapp.identity.principal.CredentialsRefusedError`.

    Attributes:
        standing: Says whether valid credentials still count; None where nobody keeps accounts.
    """

    def __init__(self, tokens: Tokens, strangers: KnowsStrangers) -> None:
        self._tokens = tokens
        self._strangers = strangers
        self.standing: Standing | None = None

    async def __call__(self, connection: Request | Websocket, token: str | None) -> Principal:
        """The principal of ``connection``.

        Args:
            connection: The request or the handshake.
            token: The token it carries, if any.

        Raises:
            InvalidTokenError: Nobody knows these credentials, or they are bad.
            AccountGoneError: The account behind a valid token was deleted.
            SignInUnavailableError: The system that knows the credentials is out of reach.
            DatabaseUnavailableError: The account cannot be looked up now.
        """
        reason: InvalidTokenError
        try:
            principal = self._tokens.verify(token or "")
        except InvalidTokenError as error:
            reason = error
        else:
            return await self._still(principal)
        try:
            stranger = await self._strangers(connection)
        except CredentialsRefusedError as error:
            raise InvalidTokenError(str(error)) from error
        if stranger is None:
            raise reason
        return await self._still(stranger)

    async def token(self, token: str) -> Principal:
        """Return the principal of a token of this server that comes by another way.

        Args:
            token: The token.

        Raises:
            InvalidTokenError: The token is bad, or does not count any longer.
            DatabaseUnavailableError: The account cannot be looked up now.
        """
        return await self._still(self._tokens.verify(token))

    def joined(self, principal: Principal) -> bool:
        """Tell whether the socket of ``principal``, which joins now, may stay; never waits."""
        return self.standing is None or self.standing.joined(principal)

    async def _still(self, principal: Principal) -> Principal:
        if self.standing is not None:
            await self.standing.check(principal)
        return principal
