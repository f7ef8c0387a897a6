"""The audit of one app: where plugins and the core record who did what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quart import has_request_context, has_websocket_context, request, websocket

from quartapp.audit.chain import Chain
from quartapp.audit.form import ENTRIES, NEWEST_FIRST, PENDING, row
from quartapp.identity.acting import acting

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from quartapp.audit.action import AuditAction, AuditEntry
    from quartapp.clock import Clock
    from quartapp.database.database import Database
    from quartapp.database.documents import Document


class Audit:
    """The audit of one app.

    Entries are linked to a chain, so that nobody can change, insert or delete one unseen. Plugins
    can add entries, and no plugin can keep an entry of another out.

    Args:
        database: Database that stores the entries.
        clock: Clock that says when something was done.
        actions: All declared actions.

    Attributes:
        actions: All declared actions, by their names.
        serving: Whether the app serves, and does not run a command.
    """

    def __init__(self, database: Database, clock: Clock, actions: Collection[AuditAction]) -> None:
        self._database = database
        self._clock = clock
        self._chain = Chain(database, clock)
        self.actions = {action.name: action for action in actions}
        self.serving = False

    async def add(self, *entries: AuditEntry) -> None:
        """Record what was done or refused; for what changes nothing in the database.

        A change is recorded with :meth:`Changes.stored`, which stores both or none. The person and
        the address are those of the request or frame that is being handled.

        Args:
            entries: The entries, in their order.

        Raises:
            ValueError: No plugin declares the action.
            DatabaseUnavailableError: The entries cannot be stored now.
        """
        await self.link(self.rows(entries))

    def rows(self, entries: Sequence[AuditEntry]) -> list[Document]:
        """Return entries as they wait to be linked, with time and client.

        Args:
            entries: The entries.

        Raises:
            ValueError: No plugin declares the action.
        """
        for entry in entries:
            if self.actions.get(entry.action.name) is not entry.action:
                raise ValueError(
                    f"no plugin declares the action {entry.action.name}: "
                    "name it in the attribute `audited` of the plugin"
                )
        now = self._clock.now()
        way, address = self._origin()
        return [row(entry, now, way, address, acting()) for entry in entries]

    async def hold(self, rows: Sequence[Document]) -> None:
        """Store rows in the current transaction, to be linked after the transaction.

        Args:
            rows: The rows.
        """
        if rows:
            await self._database.documents[PENDING].insert_many(list(rows))

    async def link(self, rows: Sequence[Document]) -> None:
        """Append rows to the chain, unless they are in the chain already.

        Args:
            rows: The rows.

        Raises:
            DatabaseUnavailableError: The rows cannot be stored now.
        """
        if rows:
            await self._chain.append(rows)

    async def newest(
        self,
        most: int,
        after: str | None = None,
        *,
        day: str | None = None,
        who: str | None = None,
        action: str | None = None,
    ) -> list[Document]:
        """Return linked entries, the newest first.

        Args:
            most: Largest number of entries.
            after: ``_id`` of an entry; only entries before it are returned. None for no limit.
            day: Day of the entries, in UTC, as an ISO date; None for any.
            who: Id of the account that acted; None for any.
            action: Name of the action; None for any.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        given = {"day": day, "who": who, "action": action}
        query: Document = {name: value for name, value in given.items() if value is not None}
        async with self._database.operation():
            entries = self._database.documents[ENTRIES]
            if after is not None:
                last = await entries.find_one({"_id": after}, {"day": 1, "number": 1})
                if last is None:
                    return []  # its day was deleted, and so were all days before
                earlier = {"day": last["day"], "number": {"$lt": last["number"]}}
                query = {"$and": [query, {"$or": [{"day": {"$lt": last["day"]}}, earlier]}]}
            return await entries.find(query).sort(NEWEST_FIRST).limit(most).to_list()

    async def close(self) -> None:
        """Wait until all is written that waits."""
        await self._chain.close()

    def _origin(self) -> tuple[str, str | None]:
        if has_websocket_context():
            return "client", websocket.remote_addr
        if has_request_context():
            return "client", request.remote_addr
        return "server" if self.serving else "command", None
