"""Reads that go together: while one is under way, those that come wait for the next."""

from __future__ import annotations

import asyncio
from itertools import takewhile
from typing import TYPE_CHECKING, Generic, TypeVar

from quartapp.clock import SYSTEM_CLOCK, Clock
from quartapp.errors import DatabaseUnavailableError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

Key = TypeVar("Key")
Value = TypeVar("Value")


class JointReads(Generic[Key, Value]):
    """What is read by key.

    What is answered was read after it was asked for. A driver's command costs more than what it
    brings; so many requests at once are a few commands.

    Args:
        read: Reads keys in one command; those that are nowhere are left out of the answer.
        most: Keys in one command; one request with more has a command of its own.
        timeout: Seconds that an answer may take.
        clock: What measures them.
    """

    def __init__(
        self,
        read: Callable[[set[Key]], Awaitable[Mapping[Key, Value]]],
        most: int,
        timeout: float,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._read = read
        self._most = most
        self._timeout = timeout
        self._clock = clock
        self._waiting: list[tuple[Sequence[Key], asyncio.Future[Mapping[Key, Value]]]] = []
        self._reading: asyncio.Task[None] | None = None

    async def get(self, key: Key) -> Value | None:
        """What is there for ``key``; not to be changed, others may have it too.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        return (await self.get_all((key,))).get(key)

    async def get_all(self, keys: Sequence[Key]) -> Mapping[Key, Value]:
        """What is there for each of ``keys``, and perhaps for others.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        found: asyncio.Future[Mapping[Key, Value]] = asyncio.get_running_loop().create_future()
        self._waiting.append((keys, found))
        if self._reading is None:
            self._reading = asyncio.create_task(self._read_all())
        try:
            # The wait for the read before counts as well.
            async with self._clock.timeout(self._timeout):
                return await found
        except TimeoutError as error:
            raise DatabaseUnavailableError("no answer in time") from error

    async def _read_all(self) -> None:
        try:
            while self._waiting:
                keys, asked = self._batch()
                try:
                    values = await self._read(keys)
                except Exception as error:  # noqa: BLE001 - everybody who waits gets it, and handles it
                    for found in asked:
                        if not found.done():
                            found.set_exception(error)
                    continue
                for found in asked:
                    if not found.done():
                        found.set_result(values)
        finally:
            self._reading = None

    def _batch(self) -> tuple[set[Key], list[asyncio.Future[Mapping[Key, Value]]]]:
        keys: set[Key] = set()

        def has_room(waiting: tuple[Sequence[Key], object]) -> bool:
            if keys and len(keys) + len(waiting[0]) > self._most:
                return False
            keys.update(waiting[0])
            return True

        batch = [found for _, found in takewhile(has_room, self._waiting)]
        del self._waiting[: len(batch)]
        return keys, batch
