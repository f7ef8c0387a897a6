"""A roll call that goes on whatever happens: who marks, who watches, and who checks it all."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from pymongo import AsyncMongoClient
from pymongo.errors import PyMongoError
from pymongo.read_concern import ReadConcern
from websockets.exceptions import ConnectionClosed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quartapp.testing import Socket

SHOWN = "shown"
REFUSED = "Service Unavailable"
READ_MILLISECONDS = 2000
LAST_ANSWER_SECONDS = 60.0


class Watcher:
    """Reads a socket for ever, and keeps what came with when it came.

    Args:
        socket: The socket.

    Attributes:
        frames: Each frame with its time, on the clock of ``time.monotonic``.
        marks: Data of the marks among them.
        news: Set at each mark.
    """

    def __init__(self, socket: Socket) -> None:
        self.frames: list[tuple[float, dict[str, Any]]] = []
        self.marks: list[dict[str, str]] = []
        self.news = asyncio.Event()
        self._reading = asyncio.create_task(self._read(socket))

    async def _read(self, socket: Socket) -> None:
        with suppress(ConnectionClosed):  # then no more is seen, and that shows
            async for text in socket.connection:
                frame = json.loads(text)
                self.frames.append((time.monotonic(), frame))
                if frame["event"] == "ATTENDANCE_MARKED":
                    self.marks.append(frame["data"])
                    self.news.set()

    @property
    def last(self) -> dict[str, str]:
        """The status of each student that was shown last."""
        return {data["studentId"]: data["status"] for data in self.marks}

    def has(self, event: str) -> bool:
        return any(frame["event"] == event for _, frame in self.frames)

    def first_mark_after(self, moment: float) -> float | None:
        for when, frame in self.frames:
            if when > moment and frame["event"] == "ATTENDANCE_MARKED":
                return when
        return None

    async def end(self) -> None:
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)


class Caller:
    """A teacher who marks one after the other, without end, and waits for each answer.

    Args:
        socket: The teacher's.
        marks: What to send, round and round.

    Attributes:
        outcomes: Of each mark: when it was sent, the seconds to the answer, and the answer.
    """

    def __init__(self, socket: Socket, marks: Sequence[dict[str, str]]) -> None:
        self.outcomes: list[tuple[float, float, str]] = []
        self._over = False
        self._task = asyncio.create_task(self._call(socket, marks))

    async def _call(self, socket: Socket, marks: Sequence[dict[str, str]]) -> None:
        number = 0
        while not self._over:
            data = marks[number % len(marks)]
            asked = time.monotonic()
            await socket.send("ATTENDANCE_MARKED", data)
            while True:
                # Not `receive`, whose deadline is shorter than some of these failures.
                frame = json.loads(await socket.connection.recv())
                if frame["event"] == "ERROR":
                    outcome = frame["data"]["message"]
                    break
                if frame["data"] == data:
                    outcome = SHOWN
                    break
            self.outcomes.append((asked, time.monotonic() - asked, outcome))
            number += 1

    @property
    def shown(self) -> int:
        return self.counts[SHOWN]

    @property
    def counts(self) -> Counter[str]:
        return Counter(outcome for _, _, outcome in self.outcomes)

    async def stop(self) -> None:
        """Stop after the answer to the mark that is under way.

        Raises:
            TimeoutError: There is none.
            Exception: It had stopped by itself, for this reason.
        """
        self._over = True
        async with asyncio.timeout(LAST_ANSWER_SECONDS):
            await self._task


class Proof:
    """Reads, at once after a mark was shown, what a majority of the database has of it.

    One at a time, the newest each time: so what is read is as young as can be.

    Args:
        uri: Of the database.
        watcher: Who sees the marks.
        round_size: After how many marks a student may have another status.

    Attributes:
        proved: How many marks were found stored.
        too_early: Marks that were shown and not stored.
    """

    def __init__(self, uri: str, watcher: Watcher, round_size: int) -> None:
        self.proved = 0
        self.too_early: list[dict[str, str]] = []
        self._watcher = watcher
        self._round_size = round_size
        self._over = False
        self._client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(
            uri, serverSelectionTimeoutMS=READ_MILLISECONDS, timeoutMS=READ_MILLISECONDS
        )
        self._task = asyncio.create_task(self._prove())

    async def _prove(self) -> None:
        sessions = self._client.get_default_database().get_collection(
            "sessions", read_concern=ReadConcern("majority")
        )
        while not self._over:
            self._watcher.news.clear()
            await self._watcher.news.wait()
            number = len(self._watcher.marks) - 1
            shown = self._watcher.marks[number]
            try:
                session = await sessions.find_one({"state": {"$in": ["active", "closing"]}})
            except PyMongoError:
                continue
            if session is None or len(self._watcher.marks) - number >= self._round_size:
                continue
            stored = session["attendance"].get(shown["studentId"], {}).get("status")
            if stored == shown["status"]:
                self.proved += 1
            else:
                self.too_early.append(shown)

    async def end(self) -> None:
        """Stop reading."""
        # Told, not cancelled: a driver in the middle of a command may miss that it is cancelled.
        self._over = True
        self._watcher.news.set()
        await self._task
        await self._client.close()


def alternating(students: Sequence[Any], mark: Any) -> list[dict[str, str]]:
    """Return marks of all students in two rounds; each mark differs from the student's last."""
    return [mark(student, status) for status in ("present", "absent") for student in students]
