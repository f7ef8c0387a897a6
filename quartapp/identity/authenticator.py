"""The authenticator, which finds the principal of a request or a socket."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quartapp.identity.acting import act_as
from quartapp.identity.principal import CredentialsRefusedError
from quartapp.identity.tokens import InvalidTokenError, Tokens

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from quart.wrappers import Request, Websocket

    from quartapp.identity.principal import Principal
    from quartapp.identity.standing import Standing

    KnowsStrangers = Callable[[Request | Websocket], Awaitable[Principal | None]]


class Authenticator:
    """Finds the principal of a request or a socket.

    Args:
        tokens: The tokens of this server.
        strangers: Function for credentials that are no tokens of this server. The function
            returns a principal, or None for unknown credentials; for credentials that it
            recognises and refuses, the function raises
            :class:`~quartapp.identity.principal.CredentialsRefusedError`.

    Attributes:
        standing: Decides whether valid credentials still count; None if no plugin keeps accounts.
    """

    def __init__(self, tokens: Tokens, strangers: KnowsStrangers) -> None:
        self._tokens = tokens
        self._strangers = strangers
        self.standing: Standing | None = None

    async def __call__(self, connection: Request | Websocket, token: str | None) -> Principal:
        """Return the principal of ``connection``.

        Args:
            connection: The request or the handshake.
            token: The token of the connection; None without one.

        Raises:
            InvalidTokenError: The credentials are unknown or refused.
            AccountGoneError: The account of a valid token was deleted.
            SignInUnavailableError: The system that knows the credentials is out of reach.
            DatabaseUnavailableError: The account cannot be looked up now.
        """
        reason: InvalidTokenError
        try:
            principal = self._tokens.verify(token or "")
        except InvalidTokenError as error:
            reason = error
        else:
            return await self.still(principal)
        try:
            stranger = await self._strangers(connection)
        except CredentialsRefusedError as error:
            raise InvalidTokenError(str(error)) from error
        if stranger is None:
            raise reason
        return await self.still(stranger)

    async def token(self, token: str) -> Principal:
        """Return the principal of a token that a client sends outside request and handshake.

        Args:
            token: A token of this server.

        Raises:
            InvalidTokenError: The token is invalid, or does not count any longer.
            DatabaseUnavailableError: The account cannot be looked up now.
        """
        return await self.still(self._tokens.verify(token))

    def joined(self, principal: Principal) -> bool:
        """Tell, without waiting, whether the socket that ``principal`` opens may stay open."""
        return self.standing is None or self.standing.joined(principal)

    async def still(self, principal: Principal) -> Principal:
        """Return a principal whose credentials still count.

        Args:
            principal: A principal whose credentials were valid before.

        Raises:
            InvalidTokenError: The credentials do not count any longer.
            AccountGoneError: The account of a valid token was deleted.
            DatabaseUnavailableError: The account cannot be looked up now.
        """
        if self.standing is not None:
            await self.standing.check(principal)
        act_as(principal)
        return principal
