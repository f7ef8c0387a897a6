"""The contract's model of a live session in scope ``global``, which needs no server."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from quartapp_contract_suite.websocket.client import error
from quartapp_contract_suite.websocket.document import read, reference

if TYPE_CHECKING:
    from quartapp.encoding import JsonObject
    from quartapp_contract_suite.people import Person
    from quartapp_contract_suite.websocket.document import Document
    from quartapp_contract_suite.websocket.tally import Tally

    Pairs = tuple[tuple[Any, str], ...]

NO_SESSION = "No active attendance session"
# The events whose references a session keeps, in version 1.
KEPT = ("ATTENDANCE_MARKED", "MARK_REST", "TODAY_SUMMARY")


@dataclass(frozen=True, slots=True)
class Live:
    """The live session.

    Attributes:
        class_id: Id of the class.
        marks: Pairs of student and status, sorted.
        applied: Pairs of ``(person, reference)`` and the answer of the first time as JSON, sorted.
    """

    class_id: str
    marks: Pairs = ()
    applied: Pairs = ()


@dataclass(frozen=True, slots=True)
class Model:
    """The state of all classes at one moment; each step makes another, immutable state.

    Attributes:
        owners: Pairs of class and teacher.
        rolls: Pairs of class and students.
        tally: The server's rules for counting marks.
        live: The live session; None without one.
        records: Pairs of ``(class, student)`` and the status that was last stored.
    """

    owners: Pairs
    rolls: tuple[tuple[str, frozenset[str]], ...]
    tally: Tally
    live: Live | None = None
    records: Pairs = ()

    def roll(self, class_id: str) -> frozenset[str]:
        """Return the students of a class."""
        return dict(self.rolls)[class_id]

    def with_roll(self, class_id: str, students: frozenset[str]) -> Model:
        """Return the state in which a class has another roll."""
        return replace(self, rolls=tuple(sorted({**dict(self.rolls), class_id: students}.items())))

    def concerns(self, person: Person) -> bool:
        """Tell whether the live session concerns ``person``."""
        if self.live is None:
            return False
        if person.role == "teacher":
            return dict(self.owners)[self.live.class_id] == person.id
        return person.id in self.roll(self.live.class_id)

    def others_superseded(self, class_id: str) -> Model:
        """Return the state after another class's session was superseded; only marks are stored."""
        if self.live is None or self.live.class_id == class_id:
            return self
        return self._ended(dict(self.live.marks))

    def begun(self, class_id: str) -> Model:
        """Return the state in which the class has a live session, a new or an existing one."""
        return self if self.live is not None else replace(self, live=Live(class_id))

    def marked(self, student: str, status: str | None) -> Model:
        """Return the state after a mark; without a status, the student's mark is taken back."""
        assert self.live is not None
        marks = {**dict(self.live.marks), student: status}
        made = tuple(sorted((one, mark) for one, mark in marks.items() if mark is not None))
        return replace(self, live=replace(self.live, marks=made))

    def with_reference(self, person: Person, ref: str, answer: JsonObject) -> Model:
        """Return the state in which a frame was applied, and answered with ``answer``."""
        assert self.live is not None
        applied = {**dict(self.live.applied), (person.id, ref): json.dumps(answer)}
        return replace(self, live=replace(self.live, applied=tuple(sorted(applied.items()))))

    def done(self) -> tuple[Model, JsonObject]:
        """Return the state after the end of the session, and the broadcast."""
        assert self.live is not None
        roll, marks = self.roll(self.live.class_id), dict(self.live.marks)
        final = {**dict.fromkeys(roll, "absent"), **marks}
        counts = self.tally.of([final[student] for student in roll])
        told = {"event": "DONE", "data": {"message": "Attendance persisted", **counts}}
        return self._ended(final), told

    def summary(self) -> JsonObject:
        """Return the broadcast that counts the marks so far."""
        assert self.live is not None
        roll = self.roll(self.live.class_id)
        statuses = [status for student, status in dict(self.live.marks).items() if student in roll]
        return {"event": "TODAY_SUMMARY", "data": self.tally.of(statuses)}

    def _ended(self, final: dict[str, str]) -> Model:
        assert self.live is not None
        kept = {(self.live.class_id, student): status for student, status in final.items()}
        records = tuple(sorted({**dict(self.records), **kept}.items()))
        return replace(self, live=None, records=records)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of a client's frame.

    Attributes:
        model: The state afterwards.
        answer: The frame that the server sends.
        to_all: Whether the answer goes to everybody, or to the sender alone.
        shown: Broadcasts before the answer, in one piece.
        ref: Reference that the sender's copy of the answer has; None for none.
    """

    model: Model
    answer: JsonObject = field(compare=False)
    to_all: bool
    shown: tuple[JsonObject, ...] = field(default=(), compare=False)
    ref: str | None = None

    @property
    def copy(self) -> JsonObject:
        """The sender's copy of the answer."""
        return self.answer if self.ref is None else {**self.answer, "ref": self.ref}


def fixed_answer(
    document: Document, person: Person, frame: str | bytes, version: int = 0
) -> str | None:
    """Return the ``ERROR`` of a frame that is refused in every session; None for other frames."""
    message = read(frame)
    if version:
        try:
            reference(frame)
        except ValueError:
            message = None
    if message is None:
        return "Invalid message format"
    name, data = message
    if name not in document.roles:
        return "Unknown event"
    role = document.roles[name]
    if role not in (None, person.role):
        return f"Forbidden, {role} event only"
    if not document.client_frame_fits(name, data, version):
        return "Invalid message format"
    if name == "AUTH" and data["token"] != person.token:
        return "Unauthorized or invalid token"
    return None


def renewed(person: Person) -> JsonObject:
    """Return the answer to ``AUTH`` with the person's own token (RFC 7519, section 3)."""
    claims = person.token.split(".")[1]
    expires = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["exp"]
    moment = datetime.fromtimestamp(expires, UTC).isoformat(timespec="milliseconds")
    return {"event": "AUTH", "data": {"expiresAt": moment.replace("+00:00", "Z")}}


def outcome(
    document: Document, model: Model, person: Person, frame: str | bytes, version: int = 0
) -> Outcome:
    """Return the outcome that the contract demands for a frame.

    Args:
        document: The server's document.
        model: The state before.
        person: The sender.
        frame: The frame.
        version: Version of the sender's socket; 0 for none.
    """
    try:
        ref = reference(frame) if version else None
    except ValueError:
        ref = None
    key = (person.id, ref)
    refusal = fixed_answer(document, person, frame, version)
    name, data = read(frame) or ("", {})
    if refusal is None and name != "AUTH" and not model.concerns(person):
        refusal = NO_SESSION
    if refusal is not None:
        return Outcome(model, error(refusal), to_all=False, ref=ref)
    if ref is not None and name in KEPT and model.live and key in dict(model.live.applied):
        answer = json.loads(dict(model.live.applied)[key])
        return Outcome(model, answer, to_all=False, ref=ref)
    found = replace(_applied(model, person, name, data, version), ref=ref)
    if ref is None or name not in KEPT or found.answer["event"] == "ERROR":
        return found
    return replace(found, model=found.model.with_reference(person, ref, found.answer))


def _applied(model: Model, person: Person, name: str, data: JsonObject, version: int) -> Outcome:
    if name == "AUTH":
        return Outcome(model, renewed(person), to_all=False)
    assert model.live is not None
    if name == "TODAY_SUMMARY":
        return Outcome(model, model.summary(), to_all=True)
    if name == "MY_ATTENDANCE":
        status = dict(model.live.marks).get(person.id, "not yet updated")
        return Outcome(model, {"event": name, "data": {"status": status}}, to_all=False)
    if name == "DONE":
        after, told = model.done()
        return Outcome(after, told, to_all=True)
    if name == "MARK_REST":
        return _rest_marked(model, data["status"])
    assert name == "ATTENDANCE_MARKED", f"the model does not know {name}"
    student, status = data["studentId"].lower(), data["status"]
    if student not in model.roll(model.live.class_id):
        return Outcome(model, error("Student not enrolled in class"), to_all=False)
    current = dict(model.live.marks).get(student)
    if version and "if" in data and data["if"] != current:
        conflict = {"event": "ERROR", "data": {"message": "Conflict", "current": current}}
        return Outcome(model, conflict, to_all=False)
    return Outcome(model.marked(student, status), marked(student, status), to_all=True)


def marked(student: str, status: str | None) -> JsonObject:
    """Return the broadcast of a mark; without a status, of a mark that is taken back."""
    return {"event": "ATTENDANCE_MARKED", "data": {"studentId": student, "status": status}}


def _rest_marked(model: Model, status: str) -> Outcome:
    assert model.live is not None
    unmarked = sorted(model.roll(model.live.class_id) - dict(model.live.marks).keys())
    for student in unmarked:
        model = model.marked(student, status)
    answer = {"event": "MARKED_REST", "data": {"marked": len(unmarked)}}
    shown = tuple(marked(student, status) for student in unmarked)
    return Outcome(model, answer, to_all=False, shown=shown)
