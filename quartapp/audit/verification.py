"""The verification of the chain: the first entry that was changed, deleted, inserted or moved."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING

from quartapp.audit.form import (
    BEGINNING,
    END,
    ENTRIES,
    LINKED,
    NEWEST_FIRST,
    OUTSIDE,
    Position,
    digest,
    first_day_with_addresses,
    network_name,
    position,
    seal,
)
from quartapp.audit.keeper import DAYS_DELETED
from quartapp.settings.reach import client_address

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from quartapp.clock import Clock
    from quartapp.database.database import Database
    from quartapp.database.documents import Document

ENTRIES_PER_READ = 1000
_MEMBERS = frozenset((*LINKED, "hash"))


@dataclass(frozen=True, slots=True)
class Verified:
    """What a verification has found.

    Attributes:
        entries: Number of verified entries.
        first: Position of the first entry; None without entries.
        end: Position of the last entry.
        fault: What is wrong, as one sentence that names the first broken entry; None for nothing.
    """

    entries: int
    first: Position | None
    end: Position
    fault: str | None = None


class Verification:
    """Verifies the chain in a database, also while servers append to it.

    Args:
        database: The database.
        clock: Clock that decides which entries have addresses still.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def run(self, kept: Position | None = None) -> Verified:
        """Verify the chain.

        Args:
            kept: Position that was kept elsewhere, and that has to be in the chain; None for none.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        while True:
            deleted = await self._deleted()
            found = await self._walk(deleted, kept)
            # Old days may have been deleted in the meantime.
            if found.fault is None or deleted == await self._deleted():
                return found

    async def _deleted(self) -> Position:
        """Return the position behind which the kept entries begin."""
        async with self._database.operation():
            noted = await self._database.documents[ENTRIES].find_one(
                {"action": DAYS_DELETED.name}, sort=NEWEST_FIRST
            )
        values = noted.get("after") if noted is not None else None
        if noted is None or not isinstance(values, dict):
            return BEGINNING
        through = str(values.get("through"))
        # Otherwise a forged entry could hide all others, and itself: it is to be walked too.
        return (
            Position(through, 0, str(values.get("hash"))) if through < noted["day"] else BEGINNING
        )

    async def _walk(self, deleted: Position, kept: Position | None) -> Verified:
        # The end is read first: it can only be earlier than the end that is met.
        async with self._database.operation():
            noted = await self._database.documents[END].find_one({"_id": END})
        wanted = [] if noted is None else [position(noted)]
        wanted += [] if kept is None else [kept]
        with_addresses = first_day_with_addresses(self._clock.now().date())
        number, first, end = 0, None, deleted
        async for entry in self._entries(deleted):
            fault = _fault(entry, end, with_addresses)
            if fault is not None:
                return Verified(number, first, end, fault)
            number, end = number + 1, position(entry)
            first = first or end
            for other in wanted:
                if other[:2] == end[:2] and other.hash != end.hash:
                    return Verified(number, first, end, f"{_named(end)} is not the one that was")
        for other in wanted:
            if other[:2] > end[:2]:
                return Verified(number, first, end, f"{_named(other)} and what followed is missing")
        if noted is None and number:
            return Verified(number, first, end, "the record of the end of the audit is missing")
        if kept is not None and kept.day <= deleted.day:
            return Verified(number, first, end, f"{_named(kept)} is older than the kept days")
        return Verified(number, first, end)

    async def _entries(self, deleted: Position) -> AsyncIterator[Document]:
        """Yield the entries in their order, except those of days whose deletion was recorded."""
        last: Document | None = None
        while True:
            async with self._database.operation():
                cursor = self._database.documents[ENTRIES].find(
                    sort=[("day", 1), ("number", 1)], limit=ENTRIES_PER_READ
                )
                if last is not None:
                    cursor = cursor.min([("day", last["day"]), ("number", last["number"])])
                    cursor = cursor.hint([("day", 1), ("number", 1)])
                page = await cursor.to_list()
            fresh = page if last is None else page[1:]
            for entry in fresh:
                day = entry.get("day")
                if not (isinstance(day, str) and day <= deleted.day):
                    yield entry
            if not fresh:
                return
            last = page[-1]


def _fault(entry: Document, end: Position, with_addresses: str) -> str | None:
    """Return what is wrong with the entry after a position, as a sentence; None if it is right."""
    day, number = entry.get("day"), entry.get("number")
    if (
        not (isinstance(day, str) and isinstance(number, int))
        or isinstance(number, bool)
        or not isinstance(entry.get("hash"), str)
    ):
        return f"entry {entry.get('_id')} after {_named(end)} has no place in the audit"
    name = _named(Position(day, number, ""))
    if number != (end.number + 1 if day == end.day else 1):
        return f"the entry before {name} is missing"
    try:
        right = hmac.compare_digest(entry["hash"], digest(entry))
    except (TypeError, ValueError):
        right = False
    if not right or set(entry) - set(OUTSIDE) != _MEMBERS:
        return f"{name} was changed"
    if entry["previous"] != end.hash:
        return f"{name} does not follow the entry before"
    if not _is_sealed(entry, with_addresses):
        return f"the address of {name} was changed"
    return None


def _is_sealed(entry: Document, with_addresses: str) -> bool:
    salt, address = entry.get("salt"), entry.get("address")
    if entry["seal"] is None:
        return salt is None and address is None
    if salt is None and address is None:
        return bool(entry["day"] < with_addresses)
    found = client_address(address) if isinstance(address, str) else None
    return (
        isinstance(salt, str)
        and found is not None
        and network_name(found) == entry["network"]
        and seal(salt, str(address)) == entry["seal"]
    )


def _named(one: Position) -> str:
    return f"entry {one.number} of {one.day}" if one.day else "the beginning"
