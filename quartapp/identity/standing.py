"""The check of a plugin with accounts that valid credentials still count."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from quartapp.identity.principal import Principal


class Standing(Protocol):
    """The service by which a plugin with accounts decides whether credentials still count.

    A plugin offers the service with ``services.add(standing, as_=Standing)``; without a standing,
    credentials count until they run out.
    """

    async def check(self, principal: Principal) -> None:
        """Refuse a principal whose credentials do not count any longer.

        The server calls this at each request and at each handshake.

        Args:
            principal: The person that the credentials name.

        Raises:
            InvalidTokenError: The credentials do not count any longer.
            AccountGoneError: The account was deleted.
            DatabaseUnavailableError: The account cannot be looked up now.
        """

    def joined(self, principal: Principal) -> bool:
        """Tell, without waiting, whether the principal's socket may stay open.

        The server calls this when a socket joins. The plugin that offers the standing closes
        sockets that joined earlier.

        Args:
            principal: The person whose socket joins; ``check`` let the person pass before.
        """
