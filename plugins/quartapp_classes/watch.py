"""Which classes have changed, in every process: the copies of a class are only good until then."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from quartapp import DatabaseUnavailableError, Pauses, changed_ids

if TYPE_CHECKING:
    from collections.abc import Callable

    from bson import ObjectId

    from quartapp import Clock, Database


log = structlog.get_logger("quartapp.classes")

# Copies count only if the stream has been heard within this time.
TRUSTED_SECONDS = 2.0
POLL_SECONDS = 1.0
PAUSES = Pauses(first=0.1, longest=2, random_part=0)


class ClassWatch:
    """The watch over changes of classes, for those who keep copies.

    A change stream tells each process which classes have changed, so a copy is at most two seconds
    old; while the stream is silent, no copy counts.

    Args:
        database: The database that has the classes.
        clock: Clock that measures the silence of the stream, and the pauses after a failure.

    Attributes:
        changes: A number that grows with each change: what was read before may be out of date.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._keepers: list[Callable[[ObjectId | None], None]] = []
        self._heard = float("-inf")
        self.changes = 0

    @property
    def is_fresh(self) -> bool:
        """Whether copies count now."""
        return self._clock.monotonic() - self._heard <= TRUSTED_SECONDS

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
        failures = 0
        while True:
            try:
                await (self._follow() if self._database.change_streams else self._poll())
            except DatabaseUnavailableError as error:
                log.warning("changes of classes interrupted", reason=str(error))
            except Exception as error:
                log.exception("changes of classes failed", exc_info=error)
            recovered = self._heard != float("-inf")
            self._heard = float("-inf")
            failures = 1 if recovered else failures + 1
            await self._clock.sleep(PAUSES.after(failures))

    async def _follow(self) -> None:
        async for ids in changed_ids(self._database, "classes"):
            if self._heard == float("-inf"):
                # What happened before the watch began may be anything.
                self.forget(None)
            for class_id in ids:
                self.forget(class_id)
            self._heard = self._clock.monotonic()

    async def _poll(self) -> None:
        while True:
            self.forget(None)
            self._heard = self._clock.monotonic()
            await self._clock.sleep(POLL_SECONDS)
