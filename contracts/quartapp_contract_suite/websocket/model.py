"""The contract's model of live sessions in both scopes, which needs no server."""

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
    People = tuple[tuple[str, frozenset[str]], ...]

NO_SESSION = "No active attendance session"
# The events that are applied once for each reference, in version 1.
REFERRED = ("ATTENDANCE_MARKED", "MARK_REST", "TODAY_SUMMARY", "DONE")


@dataclass(frozen=True, slots=True)
class Live:
    """A live session.

    Attributes:
        class_id: Id of the class.
        starter: Id of the teacher who started the session.
        marks: Pairs of student and status, sorted.
        applied: Pairs of ``(person, reference)`` and the answer of the first time as JSON, sorted.
    """

    class_id: str
    starter: str
    marks: Pairs = ()
    applied: Pairs = ()

    def marked(self, student: str, status: str | None) -> Live:
        """Return the session after a mark; without a status, the student's mark is taken back."""
        marks = {**dict(self.marks), student: status}
        made = tuple(sorted((one, mark) for one, mark in marks.items() if mark is not None))
        return replace(self, marks=made)

    def with_reference(self, person: Person, ref: str, answer: JsonObject) -> Live:
        """Return the session in which a frame was applied, and answered with ``answer``."""
        applied = {**dict(self.applied), (person.id, ref): json.dumps(answer)}
        return replace(self, applied=tuple(sorted(applied.items())))


@dataclass(frozen=True, slots=True)
class Model:
    """The state of all classes at one moment; each step makes another, immutable state.

    Attributes:
        teachers: Pairs of class and teachers.
        rolls: Pairs of class and students.
        tally: The server's rules for counting marks.
        by_class: Whether each class can have a session (scope ``class``).
        lives: The live sessions, in the order of their starts; in scope ``global`` at most one.
        records: Pairs of ``(class, student)`` and the status that was last stored.
    """

    teachers: People
    rolls: People
    tally: Tally
    by_class: bool = False
    lives: tuple[Live, ...] = ()
    records: Pairs = ()

    def roll(self, class_id: str) -> frozenset[str]:
        """Return the students of a class."""
        return dict(self.rolls)[class_id]

    def with_roll(self, class_id: str, students: frozenset[str]) -> Model:
        """Return the state in which a class has another roll."""
        return replace(self, rolls=tuple(sorted({**dict(self.rolls), class_id: students}.items())))

    def classes_of(self, person: Person) -> list[str]:
        """Return the classes that ``person`` teaches or attends."""
        people = self.teachers if person.role == "teacher" else self.rolls
        return [class_id for class_id, ids in people if person.id in ids]

    def live_of(self, class_id: str) -> Live | None:
        """Return the live session of a class."""
        return next((live for live in self.lives if live.class_id == class_id), None)

    def meant(self, person: Person, class_id: str | None = None) -> Live | None:
        """Return the session that a frame or a request of ``person`` is about.

        Args:
            person: The sender.
            class_id: The class that the sender names; None for none. Scope ``global`` ignores it.
        """
        concerned = set(self.classes_of(person))
        if self.by_class and class_id is not None:
            concerned &= {class_id.lower()}
        found = [live for live in reversed(self.lives) if live.class_id in concerned]
        # A teacher's own sessions come first, and in both parts the newest.
        found.sort(key=lambda live: live.starter != person.id)
        return found[0] if found else None

    def others_superseded(self, class_id: str) -> Model:
        """Return the state after another class's session was superseded; only marks are stored."""
        if self.by_class or not self.lives or self.lives[0].class_id == class_id:
            return self
        return self._ended(self.lives[0], dict(self.lives[0].marks))

    def begun(self, class_id: str, starter: str) -> Model:
        """Return the state in which the class has a live session, a new or an existing one."""
        if self.live_of(class_id) is not None:
            return self
        return replace(self, lives=(*self.lives, Live(class_id, starter)))

    def having(self, live: Live) -> Model:
        """Return the state in which the session of a class is ``live``."""
        lives = (live if one.class_id == live.class_id else one for one in self.lives)
        return replace(self, lives=tuple(lives))

    def done(self, live: Live) -> tuple[Model, JsonObject]:
        """Return the state after the end of a session, and the broadcast."""
        roll, marks = self.roll(live.class_id), dict(live.marks)
        final = {**dict.fromkeys(roll, "absent"), **marks}
        counts = self.tally.of([final[student] for student in roll])
        told = {"event": "DONE", "data": {"message": "Attendance persisted", **counts}}
        return self._ended(live, final), told

    def summary(self, live: Live) -> JsonObject:
        """Return the broadcast that counts the marks of a session so far."""
        roll = self.roll(live.class_id)
        statuses = [status for student, status in dict(live.marks).items() if student in roll]
        return {"event": "TODAY_SUMMARY", "data": self.tally.of(statuses)}

    def _ended(self, live: Live, final: dict[str, str]) -> Model:
        kept = {(live.class_id, student): status for student, status in final.items()}
        records = tuple(sorted({**dict(self.records), **kept}.items()))
        others = tuple(one for one in self.lives if one.class_id != live.class_id)
        return replace(self, lives=others, records=records)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of a client's frame.

    Attributes:
        model: The state afterwards.
        answer: The frame that the server sends.
        to_all: Whether the answer goes to everybody, or to the sender alone.
        shown: Broadcasts before the answer, in one piece.
        ref: Reference that the sender's copy of the answer has; None for none.
        class_id: Class of the session that the frame is about in scope ``class``; else empty.
        names_class: Whether the sender's copy of the answer names that class.
    """

    model: Model
    answer: JsonObject = field(compare=False)
    to_all: bool
    shown: tuple[JsonObject, ...] = field(default=(), compare=False)
    ref: str | None = None
    class_id: str = ""
    names_class: bool = True

    @property
    def copy(self) -> JsonObject:
        """The sender's copy of the answer."""
        return copied(self.answer, self.ref, self.class_id if self.names_class else "")


def copied(answer: JsonObject, ref: str | None, class_id: str) -> JsonObject:
    """Return the sender's copy of an answer.

    Args:
        answer: The answer.
        ref: Reference of the sender's frame; None for none.
        class_id: Class that the copy names; empty for none.
    """
    beside = {"ref": ref, "classId": class_id}
    return {**answer, **{name: value for name, value in beside.items() if value}}


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
    refusal = fixed_answer(document, person, frame, version)
    name, data = read(frame) or ("", {})
    if refusal is not None:
        return Outcome(model, error(refusal), to_all=False, ref=ref)
    if name == "AUTH":
        return Outcome(model, renewed(person), to_all=False, ref=ref)
    live = model.meant(person, data.get("classId"))
    if live is None:
        return Outcome(model, error(NO_SESSION), to_all=False, ref=ref)
    found = _in_session(model, live, person, (name, data), ref, version)
    is_refused = found.answer["event"] == "ERROR"
    about = live.class_id if model.by_class else ""
    # Only sockets of version 1 are told of which session a refusal is.
    return replace(found, ref=ref, class_id=about, names_class=bool(version) or not is_refused)


def _in_session(
    model: Model,
    live: Live,
    person: Person,
    message: tuple[str, JsonObject],
    ref: str | None,
    version: int,
) -> Outcome:
    if ref is None or message[0] not in REFERRED:
        return _applied(model, live, person, *message, version)
    if (person.id, ref) in dict(live.applied):
        answer = json.loads(dict(live.applied)[person.id, ref])
        return Outcome(model, answer, to_all=False)
    found = _applied(model, live, person, *message, version)
    after = found.model.live_of(live.class_id)
    if found.answer["event"] == "ERROR" or after is None:
        return found
    kept = after.with_reference(person, ref, found.answer)
    return replace(found, model=found.model.having(kept))


def _applied(
    model: Model, live: Live, person: Person, name: str, data: JsonObject, version: int
) -> Outcome:
    if name == "TODAY_SUMMARY":
        return Outcome(model, model.summary(live), to_all=True)
    if name == "MY_ATTENDANCE":
        status = dict(live.marks).get(person.id, "not yet updated")
        return Outcome(model, {"event": name, "data": {"status": status}}, to_all=False)
    if name == "DONE":
        after, told = model.done(live)
        return Outcome(after, told, to_all=True)
    if name == "MARK_REST":
        return _rest_marked(model, live, data["status"])
    assert name == "ATTENDANCE_MARKED", f"the model does not know {name}"
    student, status = data["studentId"].lower(), data["status"]
    if student not in model.roll(live.class_id):
        return Outcome(model, error("Student not enrolled in class"), to_all=False)
    current = dict(live.marks).get(student)
    if version and "if" in data and data["if"] != current:
        conflict = {"event": "ERROR", "data": {"message": "Conflict", "current": current}}
        return Outcome(model, conflict, to_all=False)
    after = model.having(live.marked(student, status))
    return Outcome(after, marked(student, status), to_all=True)


def marked(student: str, status: str | None) -> JsonObject:
    """Return the broadcast of a mark; without a status, of a mark that is taken back."""
    return {"event": "ATTENDANCE_MARKED", "data": {"studentId": student, "status": status}}


def _rest_marked(model: Model, live: Live, status: str) -> Outcome:
    unmarked = sorted(model.roll(live.class_id) - dict(live.marks).keys())
    for student in unmarked:
        live = live.marked(student, status)
    answer = {"event": "MARKED_REST", "data": {"marked": len(unmarked)}}
    shown = tuple(marked(student, status) for student in unmarked)
    return Outcome(model.having(live), answer, to_all=False, shown=shown)
