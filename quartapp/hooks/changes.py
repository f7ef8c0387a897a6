"""Changes of the data that are told of: by the outbox, and by ``on_event``."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from quartapp.database.outbox_store import OutboxEntry
from quartapp.errors import HookFailedError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from quartapp.database.database import Database
    from quartapp.database.outbox import Outbox
    from quartapp.hooks.dispatcher import Dispatcher

Result = TypeVar("Result")
OwnedEntry = tuple[str, OutboxEntry]


class Changes:
    """Stores what plugins want delivered together with the change that they want it for.

    Args:
        dispatcher: Calls the hooks.
    """

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher
        self._database: Database | None = None
        self._outbox: Outbox | None = None
        # Asked once: where nobody wants anything delivered, a change costs what it did.
        self.asked = bool(dispatcher.implementations("outbox_entries"))

    def connect(self, database: Database, outbox: Outbox) -> None:
        """Say where changes and entries are stored.

        Args:
            database: The database of the app.
            outbox: The outbox of the app.
        """
        self._database, self._outbox = database, outbox

    async def stored(
        self, events: Sequence[object], change: Callable[[], Awaitable[Result]]
    ) -> Result:
        """Make a change, and store in its transaction what plugins want delivered.

        Args:
            events: What the change makes happen.
            change: Writes with ``database.documents``, nothing else: it may be called again, and
                without a transaction where no plugin has entries. None says that nothing was
                changed; then no entry is stored.

        Raises:
            HookFailedError: A plugin raised, hung, or returned no list of entries.
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        return await self.together(await self.entries(events), change)

    async def together(
        self, entries: Sequence[OwnedEntry], change: Callable[[], Awaitable[Result]]
    ) -> Result:
        """Make a change, and store entries in its transaction.

        Args:
            entries: What :meth:`entries` returned, before the change.
            change: As :meth:`stored` takes it.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        if not entries or self._database is None or self._outbox is None:
            return await change()
        store = self._outbox.store

        async def both() -> Result:
            result = await change()
            if result is not None:
                await store.add(entries)
            return result

        result = await self._database.transaction(both)
        self._outbox.look()
        return result

    async def entries(self, events: Sequence[object]) -> list[OwnedEntry]:
        """Ask plugins what they want delivered because of events that are about to happen.

        Args:
            events: The events.

        Returns:
            The entries in their order, each with the name of its plugin.

        Raises:
            HookFailedError: A plugin raised, hung, or returned no list of entries.
        """
        entries: list[OwnedEntry] = []
        if not self.asked:
            return entries
        for event in events:
            for owner, brought in await self._dispatcher.collect("outbox_entries", event=event):
                for entry in brought if isinstance(brought, (list, tuple)) else [brought]:
                    if not isinstance(entry, OutboxEntry):
                        raise HookFailedError(
                            f"plugin {owner}: outbox_entries must return a list of OutboxEntry, "
                            f"got {type(entry).__name__}"
                        )
                    entries.append((owner.name, entry))
        return entries
