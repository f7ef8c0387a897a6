"""Which classes have changed, in every process: the copies of a class are only good until then."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quartapp import Hearing, changed_ids

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection

    from bson import ObjectId

    from quartapp import Clock, Database


class ClassWatch:
    """The watch over changes of classes, for those who keep copies.

    Args:
        database: The database that has the classes.
        clock: Clock that measures the silence of the stream, and the pauses after a failure.

    Attributes:
        changes: A number that grows with each change: what was read before may be out of date.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._keepers: list[Callable[[ObjectId | None], None]] = []
        self._hearing = Hearing(
            *(clock, self._listen, self._told),
            what="changes of classes",
            logger="quartapp.classes",
        )
        self.changes = 0

    @property
    def is_fresh(self) -> bool:
        """Whether copies count now."""
        return self._hearing.is_fresh

    def tell(self, keeper: Callable[[ObjectId | None], None]) -> None:
        """Tell somebody who keeps copies of each change.

        Args:
            keeper: Function that drops the copy of a class, by its ``_id``; all copies for None.
        """
        self._keepers.append(keeper)

    def forget(self, class_id: ObjectId | None) -> None:
        """Have copies dropped.

        Args:
            class_id: ``_id`` of the class that has changed; None for all classes.
        """
        self.changes += 1
        for keeper in self._keepers:
            keeper(class_id)

    async def run(self) -> None:
        """Follow the changes, until cancelled."""
        await self._hearing.run()

    def _listen(self) -> AsyncIterator[Collection[ObjectId]] | None:
        return changed_ids(self._database, "classes") if self._database.change_streams else None

    async def _told(self, ids: Collection[ObjectId] | None) -> None:
        for class_id in (None,) if ids is None else ids:
            self.forget(class_id)
