"""Joint reads: while one command runs, further reads wait and share the next command."""

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
    """Reads by key that share commands.

    Every answer was read after its request, so no reader gets an old value. A command costs the
    driver more than the documents that it reads, so concurrent requests share a few commands.

    Args:
        read: Function that reads keys in one command, and leaves out keys without a value.
        most: Maximum number of keys in one command; a larger request has a command of its own.
        timeout: Time limit of an answer, in seconds.
        clock: Clock that measures the time limit.
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
        """Return the value of a key, or None without one.

        Other readers may get the same object, so callers must not change the value.

        Args:
            key: The key.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        return (await self.get_all((key,))).get(key)

    async def get_all(self, keys: Sequence[Key]) -> Mapping[Key, Value]:
        """Return values by key, possibly with further keys of other readers.

        Args:
            keys: The keys; keys without a value are left out of the answer.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        found: asyncio.Future[Mapping[Key, Value]] = asyncio.get_running_loop().create_future()
        self._waiting.append((keys, found))
        if self._reading is None:
            self._reading = asyncio.create_task(self._read_all())
        try:
            # The time limit includes the wait for the command before.
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
                except Exception as error:  # noqa: BLE001 - each waiting reader raises the error
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
