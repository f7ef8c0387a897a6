"""A live session as the contract describes it in scope ``global``, without any server."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from quartapp_contract_suite.websocket.client import error
from quartapp_contract_suite.websocket.document import read

if TYPE_CHECKING:
    from quartapp.encoding import JsonObject
    from quartapp_contract_suite.people import Person
    from quartapp_contract_suite.websocket.document import Document
    from quartapp_contract_suite.websocket.tally import Tally

    Pairs = tuple[tuple[Any, str], ...]

NO_SESSION = "No active attendance session"


@dataclass(frozen=True, slots=True)
class Live:
    """The live session.

    Attributes:
        class_id: Whose roll is called.
        marks: Student and status, sorted.
    """

    class_id: str
    marks: Pairs = ()


@dataclass(frozen=True, slots=True)
class Model:
    """What is so at one moment. Immutable: each step makes another one.

    Attributes:
        owners: Class and its teacher.
        rolls: Class and its students.
        tally: How marks are counted.
        live: The session, if any.
        records: ``(class, student)`` and the latest status that was kept.
    """

    owners: Pairs
    rolls: tuple[tuple[str, frozenset[str]], ...]
    tally: Tally
    live: Live | None = None
    records: Pairs = ()

    def roll(self, class_id: str) -> frozenset[str]:
        """Who is enrolled in a class."""
        return dict(self.rolls)[class_id]

    def with_roll(self, class_id: str, students: frozenset[str]) -> Model:
        """The same with another roll."""
        return replace(self, rolls=tuple(sorted({**dict(self.rolls), class_id: students}.items())))

    def concerns(self, person: Person) -> bool:
        """Whether the live session is one that ``person`` acts on."""
        if self.live is None:
            return False
        if person.role == "teacher":
            return dict(self.owners)[self.live.class_id] == person.id
        return person.id in self.roll(self.live.class_id)

    def others_superseded(self, class_id: str) -> Model:
        """Another class's session has made way: its marks are kept, and nobody else's."""
        if self.live is None or self.live.class_id == class_id:
            return self
        return self._ended(dict(self.live.marks))

    def begun(self, class_id: str) -> Model:
        """The class has its session; if it had, that goes on."""
        return self if self.live is not None else replace(self, live=Live(class_id))

    def marked(self, student: str, status: str) -> Model:
        """A mark was stored."""
        assert self.live is not None
        marks = tuple(sorted({**dict(self.live.marks), student: status}.items()))
        return replace(self, live=replace(self.live, marks=marks))

    def done(self) -> tuple[Model, JsonObject]:
        """The session was finished, and what everybody is told."""
        assert self.live is not None
        roll, marks = self.roll(self.live.class_id), dict(self.live.marks)
        final = {**dict.fromkeys(roll, "absent"), **marks}
        counts = self.tally.of([final[student] for student in roll])
        told = {"event": "DONE", "data": {"message": "Attendance persisted", **counts}}
        return self._ended(final), told

    def summary(self) -> JsonObject:
        """The marks so far, counted."""
        assert self.live is not None
        statuses = list(dict(self.live.marks).values())
        return {"event": "TODAY_SUMMARY", "data": self.tally.of(statuses)}

    def _ended(self, final: dict[str, str]) -> Model:
        assert self.live is not None
        kept = {(self.live.class_id, student): status for student, status in final.items()}
        records = tuple(sorted({**dict(self.records), **kept}.items()))
        return replace(self, live=None, records=records)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a frame leads to.

    Attributes:
        model: What is so afterwards.
        answer: The frame that is sent.
        to_all: Whether everybody gets it, or the sender alone.
    """

    model: Model
    answer: JsonObject = field(compare=False)
    to_all: bool


def fixed_answer(document: Document, person: Person, frame: str | bytes) -> str | None:
    """The ``ERROR`` that a frame gets whatever the session is; None when that decides."""
    message = read(frame)
    if message is None:
        return "Invalid message format"
    name, data = message
    if name not in document.roles:
        return "Unknown event"
    role = document.roles[name]
    if role not in (None, person.role):
        return f"Forbidden, {role} event only"
    if not document.client_frame_fits(name, data):
        return "Invalid message format"
    if name == "AUTH" and data["token"] != person.token:
        return "Unauthorized or invalid token"
    return None


def renewed(person: Person) -> JsonObject:
    """The answer to ``AUTH`` with the person's own token (RFC 7519, section 3)."""
    claims = person.token.split(".")[1]
    expires = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["exp"]
    moment = datetime.fromtimestamp(expires, UTC).isoformat(timespec="milliseconds")
    return {"event": "AUTH", "data": {"expiresAt": moment.replace("+00:00", "Z")}}


def outcome(document: Document, model: Model, person: Person, frame: str | bytes) -> Outcome:
    """What the contract says of ``frame``, sent by ``person``."""
    refusal = fixed_answer(document, person, frame)
    name, data = read(frame) or ("", {})
    if refusal is None and name == "AUTH":
        return Outcome(model, renewed(person), to_all=False)
    if refusal is None and not model.concerns(person):
        refusal = NO_SESSION
    if refusal is not None:
        return Outcome(model, error(refusal), to_all=False)
    assert model.live is not None
    if name == "TODAY_SUMMARY":
        return Outcome(model, model.summary(), to_all=True)
    if name == "MY_ATTENDANCE":
        status = dict(model.live.marks).get(person.id, "not yet updated")
        return Outcome(model, {"event": name, "data": {"status": status}}, to_all=False)
    if name == "DONE":
        after, told = model.done()
        return Outcome(after, told, to_all=True)
    assert name == "ATTENDANCE_MARKED", f"the model does not know {name}"
    student, status = data["studentId"].lower(), data["status"]
    if student not in model.roll(model.live.class_id):
        return Outcome(model, error("Student not enrolled in class"), to_all=False)
    told = {"event": name, "data": {"studentId": student, "status": status}}
    return Outcome(model.marked(student, status), told, to_all=True)
