"""Changes of the data that plugins deliver to other systems by the outbox."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import structlog

from quartapp.audit.action import AuditEntry
from quartapp.database.outbox_entry import OutboxEntry
from quartapp.errors import DatabaseUnavailableError, HookFailedError

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from quartapp.audit.audit import Audit
    from quartapp.clock import Clock
    from quartapp.database.database import Database
    from quartapp.database.documents import Document
    from quartapp.database.outbox import Outbox
    from quartapp.hooks.dispatcher import Dispatcher

log = structlog.get_logger("quartapp.plugins")

PAUSE_SECONDS = 0.7

Result = TypeVar("Result")
OwnedEntry = tuple[str, OutboxEntry]
Audited = Sequence[AuditEntry] | Callable[[Any], Sequence[AuditEntry]]  # Any: the result
"""Entries for the audit, or a function that returns them by the result of the change."""


class Changes:
    """Stores changes together with their entries for the audit and with plugins' outbox entries.

    Args:
        dispatcher: The dispatcher of the app, which calls the hooks.
        clock: Clock that measures the pauses while the database is away.

    Attributes:
        asked: Whether any plugin implements ``outbox_entries``.
    """

    def __init__(self, dispatcher: Dispatcher, clock: Clock) -> None:
        self._dispatcher = dispatcher
        self._clock = clock
        self._database: Database | None = None
        self._outbox: Outbox | None = None
        self._audit: Audit | None = None
        # The answer never changes, and without such a plugin a change must cost nothing more.
        self.asked = bool(dispatcher.implementations("outbox_entries"))
        # The kinds of events that are stored with their changes.
        self._stored_kinds: set[type] = set()

    def connect(self, database: Database, outbox: Outbox, audit: Audit) -> None:
        """Set the stores of changes and entries.

        Args:
            database: The database of the app.
            outbox: The outbox of the app.
            audit: The audit of the app.
        """
        self._database, self._outbox, self._audit = database, outbox, audit

    async def stored(
        self,
        events: Sequence[object],
        change: Callable[[], Awaitable[Result]],
        number: Callable[[Any], int] | None = None,  # Any: the result, and never None
        *,
        audited: Audited = (),
    ) -> Result:
        """Make a change, and store its entries in the same transaction.

        A standalone MongoDB has no transactions: an entry for the audit follows its change, and is
        lost if the process dies in between.

        Args:
            events: The events that the change causes.
            change: Function that writes with ``database.documents``, and does nothing else: it may
                be called again, and without a transaction if there are no entries. None means
                that the function changed nothing; then no entry is stored.
            number: Function that returns the number of the change, by the result of ``change``;
                None for a change without a number.
            audited: Entries for the audit, or a function that returns them by the result of
                ``change``.

        Returns:
            The result of ``change``.

        Raises:
            HookFailedError: A plugin raised, hung, or returned no list of entries.
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        entries = await self.entries(events)
        if number is None:
            return await self.together(entries, change, audited=audited)
        return await self.together(
            entries, change, lambda result: [number(result)] * len(entries), audited=audited
        )

    async def together(
        self,
        entries: Sequence[OwnedEntry],
        change: Callable[[], Awaitable[Result]],
        numbers: Callable[[Any], Sequence[int]] | None = None,  # Any: the result, and never None
        *,
        audited: Audited = (),
    ) -> Result:
        """Make a change, and store entries in the same transaction.

        Args:
            entries: The result of :meth:`entries` before the change.
            change: Function that makes the change, as for :meth:`stored`.
            numbers: Function that returns the number of each entry's change, by the result of
                ``change``; None for changes without numbers.
            audited: Entries for the audit, as for :meth:`stored`.

        Returns:
            The result of ``change``.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        if not (entries or audited):
            return await change()
        if self._database is None or self._outbox is None or self._audit is None:
            return await change()
        audit, store = self._audit, self._outbox.store
        if not self.are_together(entries, audited):
            result = await change()
            if result is not None:
                await audit.link(audit.rows(_of(audited, result)))
            return result
        rows: list[Document] = []

        async def all_of_it() -> Result:
            rows.clear()
            result = await change()
            if result is not None:
                if entries:
                    await store.add(entries, numbers(result) if numbers is not None else ())
                rows.extend(audit.rows(_of(audited, result)))
                await audit.hold(rows)
            return result

        result = await self._database.transaction(all_of_it)
        if entries:
            self._outbox.look()
        try:
            await audit.link(rows)
        except DatabaseUnavailableError as error:
            # The rows are stored, and the keeper links them.
            log.warning("entries of the audit wait to be linked", reason=str(error))
        return result

    def are_together(self, entries: Sequence[OwnedEntry], audited: Audited = ()) -> bool:
        """Tell whether :meth:`together` stores a change and its entries all or not at all.

        Args:
            entries: Entries of the outbox.
            audited: Entries for the audit, as for :meth:`stored`.
        """
        # A standalone MongoDB has no transactions, and refuses entries of the outbox.
        streams = self._database is not None and self._database.change_streams
        return bool(entries) or (bool(audited) and streams)

    async def alone(self, entries: Sequence[OwnedEntry], *, audited: Audited = ()) -> None:
        """Store entries that come with no change.

        Args:
            entries: Entries of the outbox, each with the name of its plugin.
            audited: Entries for the audit, which are stored with them.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        await self.together(entries, _nothing_more, audited=audited)

    async def note(self, *entries: AuditEntry) -> None:
        """Record in the audit what changes nothing in the database, such as a sign-in.

        Args:
            entries: The entries, in their order.

        Raises:
            DatabaseUnavailableError: The entries cannot be stored now.
        """
        if self._audit is not None:
            await self._audit.add(*entries)

    async def told(self, event: object) -> None:
        """Store what plugins want delivered of an event that was not stored with its change.

        While the database is away, this waits. A plugin that fails is logged.

        Args:
            event: What ``on_event`` is about to tell. Nothing is stored when :meth:`entries` was
                asked for an event of this class before: such events are stored with their changes.
        """
        if not self.asked or type(event) in self._stored_kinds:
            return
        try:
            entries = await self._collected([event])
        except HookFailedError as error:
            log.exception("event without entries", event_class=type(event).__name__, exc_info=error)
            return
        while True:
            try:
                await self.alone(entries)
            except DatabaseUnavailableError as error:
                log.warning("an event waits for the database", reason=str(error))
                await self._clock.sleep(PAUSE_SECONDS)
            else:
                return

    async def entries(self, events: Sequence[object]) -> list[OwnedEntry]:
        """Ask plugins for the entries of events that are about to happen.

        Args:
            events: The events.

        Returns:
            The entries in order, each with the name of its plugin.

        Raises:
            HookFailedError: A plugin raised, hung, or returned no list of entries.
        """
        if not self.asked:
            return []
        self._stored_kinds.update(map(type, events))
        return await self._collected(events)

    async def _collected(self, events: Sequence[object]) -> list[OwnedEntry]:
        entries: list[OwnedEntry] = []
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


async def _nothing_more() -> bool:
    return True


def _of(audited: Audited, result: object) -> Sequence[AuditEntry]:
    return audited(result) if callable(audited) else audited
