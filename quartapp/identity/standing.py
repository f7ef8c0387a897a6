"""Whether credentials that are valid by themselves still count."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from quartapp.identity.principal import Principal


class Standing(Protocol):
    """What a plugin that keeps accounts knows about a principal beyond the credentials.

    A plugin offers its own with ``services.add(standing, as_=Standing)``; without one, credentials
    count until they run out.
    """

    async def check(self, principal: Principal) -> None:
        """Let the principal pass, or refuse. Called at each request and at each handshake.

        Args:
            principal: The person as the credentials say.

        Raises:
            InvalidTokenError: The credentials do not count any longer.
            AccountGoneError: The account was deleted.
            DatabaseUnavailableError: The account cannot be looked up now.
        """

    def joined(self, principal: Principal) -> bool:
        """Tell whether the principal's socket may stay. Called when a socket joins; never waits.

        Sockets that joined before are closed by whoever offers the standing.

        Args:
            principal: The person whose socket joins, checked before.
        """
