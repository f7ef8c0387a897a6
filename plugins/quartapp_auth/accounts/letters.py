"""Mail to accounts, which the plugin ``mail`` offers and other plugins write."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

if TYPE_CHECKING:
    from quartapp import OutboxEntry

Writer: TypeAlias = Callable[[str, Mapping[str, Any]], Awaitable[tuple[str, str] | None]]
"""A function that gets an account's id and the data of an order, and returns subject and text.

None means that there is nothing to say any more, and no mail is sent.
"""


class Letters(Protocol):
    """Mail to accounts, which the plugin ``mail`` offers where it has a mail server.

    A mail is ordered with ids alone, and written when it is sent: what waits in the outbox has
    nobody's name, and says nothing that is true no longer.
    """

    def write(self, kind: str, writer: Writer) -> None:
        """Write the mails of one kind; for ``startup``.

        Args:
            kind: Kind of mail, such as ``reports.digest``.
            writer: Function that writes a mail.
        """

    def order(self, kind: str, account: str, data: Mapping[str, Any]) -> tuple[str, OutboxEntry]:
        """Return the order for a mail, for ``Changes.together``.

        Orders with the same arguments become mails with the same ``Message-ID``.

        Args:
            kind: Kind of mail.
            account: ``_id`` of the account. One without an address, or that is disabled when the
                mail is sent, gets none.
            data: Data for the writer, of types that JSON and MongoDB have; no names of people.
        """
