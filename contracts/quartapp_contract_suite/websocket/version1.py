"""A socket of version 1, read as a socket without a version, so that one model is enough for both.

The members beside ``event`` and ``data`` are checked here: each change of a session has the next
number, and what answers a reference again has the number of the first time.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from quartapp_contract_suite.websocket.client import Socket, error, message

if TYPE_CHECKING:
    from collections.abc import Iterator

    from quartapp.encoding import JsonObject
    from quartapp_contract_suite.people import Person
    from quartapp_contract_suite.websocket.client import Read

AGAIN = "again"
"""Member that marks the answer to a frame that was applied before."""

# No session has so low a number, so the server answers with the whole session.
LONG_AGO = 1
# The events of clients whose references a session keeps, and of the answers to them.
KEPT = ("ATTENDANCE_MARKED", "TODAY_SUMMARY", "MARKED_REST")


class Numbers:
    """The numbers and references that one socket has seen; they outlast a reconnection."""

    def __init__(self) -> None:
        self._last: dict[str, int] = {}
        self._last_of_ending: dict[str, int] = {}
        self._answered: dict[tuple[str, str], int] = {}
        self._is_new = True

    def enters(self, frames: list[JsonObject]) -> None:
        """Learn the present number from the frames that a socket gets when it opens."""
        self._is_new = True
        for frame in frames:
            if frame["event"] == "RESUMED":
                self._last[frame["classId"]] = frame["seq"]
                self._is_new = False

    def plain(self, frame: JsonObject) -> Iterator[JsonObject]:
        """Yield what a socket without a version would get, with the reference of the answer.

        Raises:
            AssertionError: The number or the reference of the frame is wrong.
        """
        event, data = frame["event"], frame["data"]
        plain = {name: frame[name] for name in frame if name not in ("classId", "seq")}
        if event in ("ERROR", "AUTH"):
            yield plain
            return
        assert {"classId", "seq"} <= frame.keys(), f"class or number is missing: {frame}"
        class_id, seq = frame["classId"], frame["seq"]
        if event == "SESSION_STARTED":
            assert data["classId"] == class_id, frame
            # DONE of the session before may still be on its way.
            self._last_of_ending |= self._last
            self._last[class_id] = seq
            self._answered = {key: n for key, n in self._answered.items() if key[0] != class_id}
            self._is_new = False
            return
        key = (class_id, frame.get("ref", ""))
        if event in KEPT and key in self._answered:
            assert seq == self._answered[key], f"first answered as {self._answered[key]}: {frame}"
            yield {**plain, AGAIN: True}
            return
        if event in KEPT and "ref" in frame:
            self._answered[key] = seq
        if event in ("MARKED_REST", "MY_ATTENDANCE"):
            assert self._is_new or seq <= self._last[class_id], f"not yet shown: {frame}"
            yield plain
            return
        self._takes(frame, len(data["studentIds"]) if event == "ROLL_MARKED" else 1)
        if event == "SESSION_ENDED":
            assert data == {"outcome": "superseded"}, frame
        elif event == "ROLL_MARKED":
            for student in data["studentIds"]:
                mark = {"studentId": student, "status": data["status"]}
                yield {"event": "ATTENDANCE_MARKED", "data": mark}
        else:
            yield plain

    def _takes(self, frame: JsonObject, changes: int) -> None:
        class_id, seq = frame["classId"], frame["seq"]
        if frame["event"] == "DONE" and seq == self._last_of_ending.get(class_id, 0) + changes:
            del self._last_of_ending[class_id]
            return
        if not self._is_new:
            assert class_id in self._last, f"nobody told that this session began: {frame}"
            assert seq == self._last[class_id] + changes, f"{frame} after {self._last[class_id]}"
        self._is_new = False
        self._last[class_id] = seq


class SocketOfVersion1(Socket):
    """A socket of version 1; frames are read as :meth:`Numbers.plain` yields them.

    Args:
        name: Name of the socket in messages of the test.
        base_url: Address of the server, without a path.
        person: The person who opens the socket.
        read: Function that parses and checks the text of a frame.
        numbers: The numbers that the socket has seen before.
    """

    def __init__(
        self, name: str, base_url: str, person: Person, read: Read, numbers: Numbers
    ) -> None:
        super().__init__(name, base_url, person, read, LONG_AGO, version=1)
        self._numbers = numbers
        self._waiting: deque[JsonObject] = deque()
        self.send(message("HELLO"))
        first: list[JsonObject] = []
        while (frame := super().receive()) != error("Unknown event"):
            first.append(frame)
        numbers.enters(first)

    def receive(self) -> dict[str, Any]:
        """Return the next frame in its form without a version."""
        while not self._waiting:
            self._waiting.extend(self._numbers.plain(super().receive()))
        return self._waiting.popleft()
