"""The sockets of a server in scope ``class``, where each frame names its class and its number.

Thus the proof that no frame is missing needs no count (compare :mod:`.room`): the numbers of a
session have no gap, and each socket gets the numbers of its own classes, and of no other class.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from quartapp_contract_suite.websocket.client import Socket, error, message
from quartapp_contract_suite.websocket.model import NO_SESSION
from quartapp_contract_suite.websocket.room import Room, without
from quartapp_contract_suite.websocket.version1 import AGAIN, KEPT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from quartapp.encoding import JsonObject
    from quartapp_contract_suite.people import Person
    from quartapp_contract_suite.websocket.client import Read
    from quartapp_contract_suite.websocket.document import Document
    from quartapp_contract_suite.websocket.order import Broadcasts

    Payload = str | bytes

UNKNOWN = error("Unknown event")


class ClassNumbers:
    """The numbers and references that one socket has seen; they outlast a reconnection.

    Args:
        classes: Ids of the classes that the person teaches or attends.
        version: Version of the socket; 0 for none.

    Attributes:
        classes: As the argument; rolls change.
        version: As the argument.
    """

    def __init__(self, classes: Iterable[str], version: int) -> None:
        self.classes = set(classes)
        self.version = version
        self._last: dict[str, int] = {}
        self._last_of_ending: dict[str, int] = {}
        self._answered: dict[tuple[str, str], int] = {}
        self._may_begin: set[str] = set()

    def begins(self, class_id: str) -> None:
        """Note that a session may begin without a word to this socket."""
        if not self.version:
            self._may_begin.add(class_id)

    def joins(self, class_id: str) -> None:
        """Note that the person is on a roll from now on; a session may be live already."""
        self.classes.add(class_id)
        self._may_begin.add(class_id)

    def parts(self, class_id: str) -> None:
        """Note that the person is on a roll no longer."""
        self.classes.discard(class_id)
        self._may_begin.discard(class_id)
        self._last.pop(class_id, None)

    def settled(self) -> None:
        """Note that all frames were read: a session with frames, but without an end, has begun."""
        self._may_begin -= self._last.keys()

    def plain(self, frame: JsonObject) -> Iterator[JsonObject]:
        """Yield what a socket without a version would get, with the reference of the answer.

        Raises:
            AssertionError: The class, the number or the reference of the frame is wrong.
        """
        event = frame["event"]
        if event in ("ERROR", "AUTH"):
            about = frame.get("classId")
            assert about is None or about in self.classes, f"of another class: {frame}"
            # A race decides whether the session ended before or after the server had found it.
            is_unsure = frame["data"].get("message") == NO_SESSION
            yield without(frame, "seq", *(["classId"] if is_unsure else []))
            return
        assert {"classId", "seq"} <= frame.keys(), f"class or number is missing: {frame}"
        assert frame["classId"] in self.classes, f"of another class: {frame}"
        class_id, seq, data = frame["classId"], frame["seq"], frame["data"]
        key = (class_id, frame.get("ref", ""))
        if event == "SESSION_STARTED":
            self._starts(frame)
        elif event == "SESSION_STATE":
            assert (data["classId"], data["seq"]) == (class_id, seq), frame
            self._last[class_id] = seq
            yield frame
        elif event == "RESUMED":
            # After an end there is no last number; after a roll has changed, none is known yet.
            assert self._last.get(class_id, seq) == seq, f"not the last number: {frame}"
            if class_id in self._may_begin:
                self._last[class_id] = seq
            yield without(frame, "data", "seq")
        elif event in KEPT and key in self._answered:
            assert seq == self._answered[key], f"first answered as {self._answered[key]}: {frame}"
            yield {**frame, AGAIN: True}
        else:
            if event in KEPT and "ref" in frame:
                self._answered[key] = seq
            yield from self._new(frame)

    def _new(self, frame: JsonObject) -> Iterator[JsonObject]:
        event, class_id, data = frame["event"], frame["classId"], frame["data"]
        if event in ("MARKED_REST", "MY_ATTENDANCE"):
            last, seq = self._last.get(class_id, 0), frame["seq"]
            # Marks of others may come between the marks of a MARK_REST and the answer.
            right = seq <= last if event == "MARKED_REST" else seq == last
            assert right or class_id in self._may_begin, f"not {last}: {frame}"
            yield frame
        elif event == "ROLL_MARKED":
            students = data["studentIds"]
            self._takes(frame, len(students))
            for seq, student in enumerate(students, frame["seq"] - len(students) + 1):
                mark = {"studentId": student, "status": data["status"]}
                yield {**frame, "event": "ATTENDANCE_MARKED", "data": mark, "seq": seq}
        else:
            self._takes(frame, 1)
            yield frame

    def _starts(self, frame: JsonObject) -> None:
        class_id = frame["classId"]
        assert self.version, f"for sockets of version 1: {frame}"
        assert frame["data"]["classId"] == class_id, frame
        # DONE of the session before may still be on its way.
        if class_id in self._last:
            self._last_of_ending[class_id] = self._last[class_id]
        self._last[class_id] = frame["seq"]
        self._may_begin.discard(class_id)
        self._answered = {key: n for key, n in self._answered.items() if key[0] != class_id}

    def _takes(self, frame: JsonObject, changes: int) -> None:
        class_id, seq = frame["classId"], frame["seq"]
        if frame["event"] == "DONE" and seq == self._last_of_ending.get(class_id, 0) + changes:
            del self._last_of_ending[class_id]
            return
        last = self._last.get(class_id)
        if last is None or seq != last + changes:
            assert class_id in self._may_begin, f"{frame} after {last}"
            assert last is None or seq > last, f"{frame} after {last}"
        self._last[class_id] = seq
        if frame["event"] == "DONE":
            del self._last[class_id]


class NumberedSocket(Socket):
    """A socket in scope ``class``; frames are read as :meth:`ClassNumbers.plain` yields them.

    Args:
        name: Name of the socket in messages of the test.
        base_url: Address of the server, without a path.
        person: The person who opens the socket.
        read: Function that parses and checks the text of a frame.
        numbers: The numbers that the socket has seen before.
        since: Value of the parameter ``since``; None leaves the parameter out.

    Attributes:
        greeting: The frames that came before those of the others.
    """

    def __init__(
        self,
        name: str,
        base_url: str,
        person: Person,
        read: Read,
        numbers: ClassNumbers,
        since: str | None = None,
    ) -> None:
        super().__init__(name, base_url, person, read, since, numbers.version)
        self._numbers = numbers
        self._waiting: deque[JsonObject] = deque()
        self.send(message("HELLO"))
        self.greeting = self.until(UNKNOWN)

    def receive(self) -> dict[str, Any]:
        """Return the next frame in its form without a version, with class and number."""
        while not self._waiting:
            self._waiting.extend(self._numbers.plain(super().receive()))
        return self._waiting.popleft()


class RoomOfClasses(Room):
    """All connected sockets of a server in scope ``class``.

    Args:
        base_url: Address of the server, without a path.
        document: The server's document.
        people: The person of each socket, by name of the socket.
        in_version_1: Names of the sockets of version 1, at most one for each person.
        classes: Ids of the classes that a person teaches or attends, by id of the person.
    """

    def __init__(
        self,
        base_url: str,
        document: Document,
        people: Mapping[str, Person],
        in_version_1: Iterable[str],
        classes: Mapping[str, Iterable[str]],
    ) -> None:
        super().__init__(base_url, document, people, in_version_1)
        self._followed = {
            name: ClassNumbers(classes[person.id], self.version(name))
            for name, person in people.items()
        }

    def enter(self, name: str) -> None:
        """Open the socket ``name`` without ``since``; nobody tells it what it has missed."""
        assert self.enter_as(name, None) == []

    def enter_as(self, name: str, since: Mapping[str, int] | None) -> list[JsonObject]:
        """Open the socket ``name``, and return the frames that the server sends.

        Args:
            name: Name of the socket.
            since: The last known number of each class; None for no parameter.
        """
        value = ",".join(f"{class_id}:{seq}" for class_id, seq in (since or {}).items())
        numbers, person = self._followed[name], self.people[name]
        socket = NumberedSocket(name, self._base_url, person, self._read, numbers, value or None)
        self._sockets[name] = socket
        return socket.greeting

    def leave(self, name: str) -> None:
        """Read what came to the socket ``name`` so far, a start at most, and close the socket."""
        self._read_starts(name)
        super().leave(name)

    def classes_of(self, name: str) -> list[str]:
        """Return the ids of the classes whose frames the socket ``name`` gets, sorted."""
        return sorted(self._followed[name].classes)

    def begins(self, class_id: str) -> None:
        """Note that a session of a class may begin."""
        for numbers in self._followed.values():
            numbers.begins(class_id)

    def joins(self, person_id: str, class_id: str) -> None:
        """Note that a person is on a roll from now on."""
        for name in self._sockets_of(person_id):
            self._followed[name].joins(class_id)

    def parts(self, person_id: str, class_id: str) -> None:
        """Note that a person is on a roll no longer; frames that came before are theirs."""
        for name in self._sockets_of(person_id):
            self._read_starts(name)
            self._followed[name].parts(class_id)

    def _read_starts(self, name: str) -> None:
        """Read frames that no exchange waits for: between two exchanges, sessions only start."""
        self._sockets[name].send(message("HELLO"))
        extra = self._sockets[name].until(UNKNOWN)
        assert not extra, f"{name} got {extra}"

    def _sockets_of(self, person_id: str) -> list[str]:
        return [name for name, person in self.people.items() if person.id == person_id]

    def _read_on(
        self, sent: Mapping[str, Sequence[Payload]], got: dict[str, list[JsonObject]]
    ) -> None:
        """Read each socket until it has all numbers of its classes.

        A sender with the answer to its last frame has the broadcasts of all its frames.
        """
        wanted = set().union(*(self._numbers_of(frames) for frames in got.values()))
        for name, socket in self._sockets.items():
            frames = got.setdefault(name, [])
            mine = {(one, seq) for one, seq in wanted if one in self._followed[name].classes}
            while missing := mine - self._numbers_of(frames):
                try:
                    frames.append(socket.receive())
                except AssertionError as failed:
                    raise AssertionError(f"{name} lacks {missing}: {failed}") from failed

    def _numbers_of(self, frames: Iterable[JsonObject]) -> set[tuple[str, int]]:
        return {(frame["classId"], frame["seq"]) for frame in frames if self._is_broadcast(frame)}

    def _agreed(self, got: Mapping[str, list[JsonObject]]) -> Broadcasts:
        """Return the broadcasts of each class, which all its people have in the same order.

        The frames of other classes have failed already, as a socket has got them.
        """
        agreed: dict[str, list[JsonObject]] = {}
        for name, frames in got.items():
            shown = self._broadcasts(frames)
            for class_id in self._followed[name].classes:
                mine = [frame for frame in shown if frame["classId"] == class_id]
                others = agreed.setdefault(class_id, mine)
                assert mine == others, f"{name} got the broadcasts {mine}, others got {others}"
            self._followed[name].settled()
        for class_id, shown in agreed.items():
            self.shown[class_id] += shown
        return {
            class_id: [without(frame, "classId", "seq") for frame in shown]
            for class_id, shown in agreed.items()
        }

    def _own(self, frames: Sequence[JsonObject]) -> list[JsonObject]:
        return [without(frame, "seq") for frame in super()._own(frames)]
