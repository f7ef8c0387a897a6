"""Several sockets on one server, and the proof that no further frame is on its way to them.

The proof needs no waiting time. Two facts of the contract are enough:

* Every frame has exactly one answer, and the server answers the frames of a connection in the order
  sent. So a sender with the answer to a last, known frame (a *probe*) has all answers to itself
  alone. All other frames were answered by a broadcast, and ``MARKED_REST`` tells how many came
  before it, so the number of broadcasts is known.
* A frame of version 1 that was applied before is answered to its sender alone.
* A broadcast goes to everybody. So each socket is read until it has that number of broadcasts. Then
  each socket sends a second probe: a frame that the server sent by mistake comes before the answer.

A probe is a frame that is refused in every session, and whose answer differs from the answers to
all frames under test.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from quartapp_contract_suite.websocket.client import Socket, error, message
from quartapp_contract_suite.websocket.model import fixed_answer
from quartapp_contract_suite.websocket.order import Sent, alone, explain
from quartapp_contract_suite.websocket.version1 import AGAIN, Numbers, SocketOfVersion1

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from quartapp.encoding import JsonObject
    from quartapp_contract_suite.people import Person
    from quartapp_contract_suite.websocket.document import Document
    from quartapp_contract_suite.websocket.model import Model
    from quartapp_contract_suite.websocket.order import Broadcasts

    Payload = str | bytes


class Room:
    """All connected sockets.

    Args:
        base_url: Address of the server, without a path.
        document: The server's document.
        people: The person of each socket, by name of the socket.
        in_version_1: Names of the sockets of version 1, at most one for each person.

    Attributes:
        people: The person of each socket, by name of the socket.
        shown: All broadcasts so far: in scope ``class`` those of each class, in scope ``global``
            all of them under the empty text.
    """

    def __init__(
        self,
        base_url: str,
        document: Document,
        people: Mapping[str, Person],
        in_version_1: Iterable[str] = (),
    ) -> None:
        self._base_url = base_url
        self._document = document
        self._read = document.check_server_frame
        self.people = dict(people)
        self.shown: defaultdict[str, list[JsonObject]] = defaultdict(list)
        self._in_version_1 = frozenset(in_version_1)
        self._numbers = {name: Numbers() for name in self._in_version_1}
        self._sockets: dict[str, Socket] = {}

    def __enter__(self) -> Room:
        try:
            for name in self.people:
                self.enter(name)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all sockets."""
        for socket in self._sockets.values():
            socket.close()
        self._sockets.clear()

    def enter(self, name: str) -> None:
        """Open the socket ``name``, and wait until the server has accepted it."""
        if (numbers := self._numbers.get(name)) is not None:
            self._sockets[name] = SocketOfVersion1(
                name, self._base_url, self.people[name], self._read, numbers
            )
            return
        socket = Socket(name, self._base_url, self.people[name], self._read)
        self._sockets[name] = socket
        assert socket.ask(message("HELLO")) == error("Unknown event")

    def come_back(self, name: str) -> None:
        """Close the socket ``name``, and open it again."""
        self.leave(name)
        self.enter(name)

    def leave(self, name: str) -> None:
        """Close the socket ``name``."""
        self._sockets.pop(name).close()

    def enter_since(self, name: str, since: object) -> list[JsonObject]:
        """Open the socket ``name`` with ``since``, and return the frames that the server sends."""
        socket = Socket(name, self._base_url, self.people[name], self._read, since)
        self._sockets[name] = socket
        socket.send(message("HELLO"))
        return socket.until(error("Unknown event"))

    def version(self, name: str) -> int:
        """Return the version of the socket ``name``; 0 for none."""
        return int(name in self._in_version_1)

    def begins(self, class_id: str) -> None:
        """Note that a session of a class may begin; nothing depends on it in scope ``global``."""

    def joins(self, person_id: str, class_id: str) -> None:
        """Note that a person is on a roll from now on; scope ``global`` makes no difference."""

    def parts(self, person_id: str, class_id: str) -> None:
        """Note that a person is on a roll no longer; scope ``global`` makes no difference."""

    def finish(self, name: str) -> None:
        """End the session of the socket's person after a failure, if there is one."""
        with Socket(name, self._base_url, self.people[name], self._read) as socket:
            socket.ask(message("DONE"))

    def exchange(
        self,
        models: set[Model],
        sent: Mapping[str, Sequence[Payload]],
        request: tuple[Sequence[tuple[str, ...]], Callable[[], object]] | None = None,
    ) -> set[Model]:
        """Send frames from several sockets at once, and check all frames that come back.

        Args:
            models: The possible states before.
            sent: The frames of each sender.
            request: A concurrent request over HTTP: its steps in the model, and the call.

        Returns:
            The possible states afterwards.

        Raises:
            AssertionError: A socket received a frame that the contract forbids, or lacks a frame
                that the contract demands.
        """
        probes = self._probes(sent)
        for place in range(max(map(len, sent.values()), default=0)):
            for name, frames in sent.items():
                if place < len(frames):
                    self._sockets[name].send(frames[place])
        for name in sent:
            self._sockets[name].send(probes[name][0])
        if request is not None:
            request[1]()
        got = {name: self._sockets[name].until(probes[name][1]) for name in sent}
        self._read_on(sent, got)
        for name, socket in self._sockets.items():
            socket.send(probes[name][0])
        for name, received in got.items():
            received += self._sockets[name].until(probes[name][1])
        return self._explained(models, sent, got, request[0] if request else ())

    def _explained(
        self,
        models: set[Model],
        sent: Mapping[str, Sequence[Payload]],
        got: Mapping[str, list[JsonObject]],
        requested: Sequence[tuple[str, ...]],
    ) -> set[Model]:
        broadcasts = self._agreed(got)
        for name, frames in got.items():
            extra = self._own(frames) if name not in sent else ()
            assert not extra, f"{name} sent nothing and got {extra}, which is for its sender"
        everything = [
            Sent(name, self.people[name], frames, self._own(got[name]), self.version(name))
            for name, frames in sent.items()
        ]
        if requested:
            everything.append(Sent("HTTP", None, requested))
        after = explain(self._document, models, everything, broadcasts)
        assert after, self._unexplained(everything, broadcasts, models)
        return after

    def _agreed(self, got: Mapping[str, list[JsonObject]]) -> Broadcasts:
        """Return the broadcasts, which every socket has received in the same order."""
        shown = {name: self._broadcasts(frames) for name, frames in got.items()}
        first, broadcasts = next(iter(shown.items()))
        for name, frames in shown.items():
            assert frames == broadcasts, (
                f"{name} got the broadcasts {frames}, {first} got {broadcasts}"
            )
        self.shown[""] += broadcasts
        return {"": broadcasts}

    def _unexplained(self, sent: Sequence[Sent], broadcasts: Broadcasts, models: set[Model]) -> str:
        lines = ["no order of these frames explains what came back:"]
        for sender in sent:
            lines.append(f"  {sender.name} sent {[_short(step) for step in sender.steps]}")
            lines.append(f"    and got for itself {list(sender.answers)}")
            if sender.person is not None:
                expected = alone(self._document, next(iter(models)), sender, sender.person)
                lines.append(f"    the contract, were nobody else sending: {expected}")
        for class_id, frames in broadcasts.items():
            everybody = f"everybody of class {class_id}" if class_id else "everybody"
            lines.append(f"  {everybody} got {list(frames)}")
        lines += [f"  before, this was so: {model}" for model in models]
        return "\n".join(lines)

    def _probes(self, sent: Mapping[str, Sequence[Payload]]) -> dict[str, tuple[str, JsonObject]]:
        answers = {
            name: {
                fixed_answer(self._document, self.people[name], frame, self.version(name))
                for frame in frames
            }
            for name, frames in sent.items()
        }
        anybody: set[str | None] = set().union(*answers.values())
        probes = {}
        for name, socket in self._sockets.items():
            choices = _probes_of(socket.person)
            own = [choice for choice in choices if choice[1] not in answers.get(name, ())]
            assert own, f"{name} sends frames with every kind of refusal at once"
            frame, text = next((choice for choice in own if choice[1] not in anybody), own[0])
            probes[name] = (frame, error(text))
        return probes

    def _read_on(
        self, sent: Mapping[str, Sequence[Payload]], got: dict[str, list[JsonObject]]
    ) -> None:
        """Read each socket until it has all broadcasts."""
        answered = {name: self._alone(frames) for name, frames in got.items()}
        expected = sum(map(len, sent.values())) - sum(map(len, answered.values()))
        expected += sum(_shown_before(frame) for frames in got.values() for frame in frames)
        for name in self._sockets:
            self._read_broadcasts(name, got.setdefault(name, []), expected)

    def _read_broadcasts(self, name: str, frames: list[JsonObject], expected: int) -> None:
        while len(self._broadcasts(frames)) < expected:
            try:
                frames.append(self._sockets[name].receive())
            except AssertionError as failed:
                raise AssertionError(
                    f"{name} got {self._broadcasts(frames)} of {expected} broadcasts: {failed}"
                ) from failed

    def _is_broadcast(self, frame: JsonObject) -> bool:
        return frame["event"] in self._document.broadcasts and AGAIN not in frame

    def _broadcasts(self, frames: Sequence[JsonObject]) -> list[JsonObject]:
        return [without(frame, "ref") for frame in frames if self._is_broadcast(frame)]

    def _alone(self, frames: Sequence[JsonObject]) -> list[JsonObject]:
        return [without(frame, AGAIN) for frame in frames if not self._is_broadcast(frame)]

    def _own(self, frames: Sequence[JsonObject]) -> list[JsonObject]:
        """Return the frames for the sender alone, and the copies that have a reference."""
        own = (frame for frame in frames if "ref" in frame or not self._is_broadcast(frame))
        return [without(frame, AGAIN) for frame in own]


def refusals_of(
    document: Document, person: Person, frames: Sequence[Payload], version: int = 0
) -> set[str]:
    """Return the messages that refuse some of ``frames`` in every session."""
    answers = {fixed_answer(document, person, frame, version) for frame in frames}
    return {answer for answer in answers if answer is not None}


def _shown_before(frame: JsonObject) -> int:
    """Return the number of broadcasts that an answer to the sender alone comes after."""
    counts = frame["event"] == "MARKED_REST" and AGAIN not in frame
    marked: int = frame["data"]["marked"] if counts else 0
    return marked


def without(frame: JsonObject, *members: str) -> JsonObject:
    """Return a frame without some of its members."""
    return {name: value for name, value in frame.items() if name not in members}


def _probes_of(person: Person) -> list[tuple[str, str]]:
    other = "student" if person.role == "teacher" else "teacher"
    event = "MY_ATTENDANCE" if other == "student" else "DONE"
    return [
        (message(event), f"Forbidden, {other} event only"),
        (message("PROBE"), "Unknown event"),
        ("PROBE", "Invalid message format"),
    ]


def _short(step: object) -> str:
    text = repr(step)
    return text if len(text) <= 300 else f"{text[:200]}... ({len(text)} characters)"
