"""Bursts of marks that are hit in the middle, and the account of what became of each mark."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from quartapp.testing import Client, Person, Socket
    from tests.conftest import Lesson

MARKS = 120
STUDENTS = 10


class Account:
    """Marks sent, stored, lost and duplicated, and how long clients were without the state.

    A mark is lost when somebody was shown it and the session does not have it, or when one sent
    after it by the same client was stored and it was not. It is duplicated when the session counts
    it twice, or one client is shown it twice.

    A client has the state again when it has opened a socket with the ``seq`` it knows, and has been
    told all that is stored: the marks that followed, or the session as a whole.

    Args:
        figures: Where it is kept, and shown.
        seed: Of the points at which servers are hit; a new one when None.
    """

    def __init__(self, figures: dict[str, Any], seed: int | None = None) -> None:
        seed = seed or time.time_ns()
        self.chance = random.Random(seed)  # noqa: S311 - which point, not which secret
        self.figures = figures
        figures["seed"] = seed
        for name in ("rounds", "marks sent", "marks stored", "marks lost", "marks duplicated"):
            figures[name] = 0
        figures["rounds hit before the last mark was stored"] = 0
        figures["slowest return, s"] = 0.0

    def add(self, name: str, count: int) -> None:
        self.figures[name] += count

    def returned_after(self, seconds: float) -> None:
        self.figures["slowest return, s"] = max(self.figures["slowest return, s"], seconds)

    def assert_clean(self, rounds: int) -> None:
        assert self.figures["rounds"] == rounds
        assert self.figures["marks lost"] == 0
        assert self.figures["marks duplicated"] == 0


class Burst:
    """One roll call: a teacher sends marks as fast as can be, until the server is hit.

    Args:
        account: Where it is entered.
        maths: The class, with a session of its own begun.
        begun: The session's ``seq`` then.
    """

    def __init__(self, account: Account, maths: Lesson, begun: int) -> None:
        self._account = account
        self._maths = maths
        self._begun = begun
        self.sent = [
            {"studentId": student.id, "status": ("present", "absent")[turn % 2]}
            for turn in range(MARKS // STUDENTS)
            for student in maths.students
        ]

    @classmethod
    async def begin(cls, account: Account, maths: Lesson) -> Burst:
        await maths.start()
        session = await maths.session()
        assert session is not None
        return cls(account, maths, session["seq"])

    async def hit(
        self, teacher: Socket, watcher: Socket, strike: Callable[[], Awaitable[Any] | None]
    ) -> None:
        """Send all marks, and strike at a random point: of those sent, or of those shown."""
        chance = self._account.chance
        point, by_sight = chance.randrange(MARKS), chance.random() < 0.7
        at_point = asyncio.Event()

        async def send() -> None:
            for number, data in enumerate(self.sent):
                if number == point:
                    at_point.set()
                    await asyncio.sleep(0)  # the point is now
                await teacher.send("ATTENDANCE_MARKED", data)

        sending = asyncio.create_task(send())
        if by_sight:
            while len(watcher.history) < point:
                await watcher.receive()
        await at_point.wait()
        struck = strike()
        if struck is not None:
            await struck
        await asyncio.gather(sending, return_exceptions=True)
        await teacher.closed()

    async def settle(self, client: Client, reachable: float, *shown: Socket) -> None:
        """Come back, compare what is stored with what was sent and shown, and end the session.

        Args:
            client: Of the server that is there now.
            reachable: When it was, on the clock of ``time.monotonic``.
            shown: Sockets that watched; those that are open still see the end.
        """
        maths = replace(self._maths, client=client)
        back = await self._come_back(client, maths.teacher)
        session = await maths.session()
        assert session is not None
        frames = await back.drain()
        while self._stored(frames)[0] < session["seq"] - self._begun:
            frames.append(await back.receive())
        self._account.returned_after(time.monotonic() - reachable)
        await back.send("DONE")
        done = await back.until("DONE")
        stored, state = self._stored(back.history[:-1])
        kept = dict(
            zip((student.id for student in maths.students), await maths.records(), strict=True)
        )
        assert kept == {student.id: state.get(student.id, "absent") for student in maths.students}
        assert done["data"]["present"] == sum(status == "present" for status in state.values())
        self._enter(stored, state, [_marks(socket) for socket in (back, *shown)])
        await back.close()

    async def _come_back(self, client: Client, person: Person) -> Socket:
        return await client.socket(person, path=f"/ws?token={person.token}&since={self._begun}")

    def _stored(self, frames: list[dict[str, Any]]) -> tuple[int, dict[str, str]]:
        """Return the number of marks since the reconnection, and the final statuses."""
        count, state = 0, {}
        for frame in frames:
            if frame["event"] == "SESSION_STATE":
                count = frame["data"]["seq"] - self._begun
                state = dict(frame["data"]["attendance"])
            else:
                assert frame["event"] == "ATTENDANCE_MARKED", frame
                count += 1
                state[frame["data"]["studentId"]] = frame["data"]["status"]
        return count, state

    def _enter(self, stored: int, state: dict[str, str], seen: list[list[Any]]) -> None:
        # Each mark changes a status, so the statuses tell after how many marks they are. They come
        # again after two turns, hence the nearest.
        told = min(
            (number for number in range(MARKS + 1) if _after(self.sent[:number]) == state),
            key=lambda number: abs(number - stored),
        )
        shown = max(len(marks) - _surplus(marks, self.sent) for marks in seen)
        account = self._account
        account.add("rounds", 1)
        account.add("rounds hit before the last mark was stored", int(stored < MARKS))
        account.add("marks sent", MARKS)
        account.add("marks stored", stored)
        account.add("marks lost", max(0, shown - stored, told - stored))
        account.add(
            "marks duplicated",
            max(0, stored - told) + sum(_surplus(marks, self.sent) for marks in seen),
        )


def _marks(socket: Socket) -> list[Any]:
    return [f["data"] for f in socket.history if f["event"] == "ATTENDANCE_MARKED"]


def _after(marks: list[dict[str, str]]) -> dict[str, str]:
    return {data["studentId"]: data["status"] for data in marks}


def _surplus(seen: list[Any], sent: list[dict[str, str]]) -> int:
    """Return the number of frames in ``seen`` that break the order of ``sent``."""
    following = 0
    for data in seen:
        following += following < len(sent) and data == sent[following]
    return len(seen) - following
