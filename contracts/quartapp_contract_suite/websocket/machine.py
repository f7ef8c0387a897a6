"""The moves of a run that both scopes share; the stage is :mod:`.play`."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from quartapp_contract_suite.people import API
from quartapp_contract_suite.websocket.client import message
from quartapp_contract_suite.websocket.moves import (
    CLASSES,
    IN_VERSION_1,
    SOCKETS,
    STUDENTS,
    move,
)
from quartapp_contract_suite.websocket.play import Play
from quartapp_contract_suite.websocket.step import step

if TYPE_CHECKING:
    from quartapp_contract_suite.people import Person
    from quartapp_contract_suite.websocket.model import Model

    Payload = str | bytes

NAMES = st.sampled_from(sorted(SOCKETS))
TEACHERS = st.sampled_from(["first teacher", "first teacher again", "second teacher"])
STUDENT_SOCKETS = st.sampled_from([name for name in sorted(SOCKETS) if "student" in name])
VERSION_1 = "first teacher in version 1"
CLASS = st.sampled_from(sorted(CLASSES))
STUDENT = st.sampled_from(STUDENTS)
MARK, REST, SUMMARY, OWN, VALID = map(move, ("mark", "rest", "summary", "own", "valid"))
ANYTHING, TEACHER_FRAME = move("anything"), move("teachers")
IN_1, CHANGE_IN_1 = move("version_1"), move("changes_1")


class LiveSession(Play):
    """One run: new classes and sockets, then steps in any order.

    Args:
        stage: The parts that all runs share.
    """

    @abstractmethod
    def _come_back(self, name: str) -> None:
        """Close a socket and open it again."""

    # Single frames: the model knows the outcome exactly.

    @step(name=TEACHERS, frame=MARK)
    def mark(self, name: str, frame: str) -> None:
        """Mark a student as a teacher."""
        self._exchange({name: [frame]})

    @step(class_name=CLASS, marks=st.lists(MARK, min_size=1, max_size=4))
    def begin(self, class_name: str, marks: list[str]) -> None:
        """Begin a session with marks, so that most steps find a live session."""
        self._start(class_name)
        for frame in marks:
            self._exchange({f"{CLASSES[class_name]} teacher": [frame]})

    @step(name=TEACHERS, frame=REST)
    def mark_rest(self, name: str, frame: str) -> None:
        """Mark everybody who has no mark."""
        self._exchange({name: [frame]})

    @step(name=TEACHERS, frame=SUMMARY)
    def summarise(self, name: str, frame: str) -> None:
        """Ask for the counts as a teacher."""
        self._exchange({name: [frame]})

    @step(name=STUDENT_SOCKETS, frame=OWN)
    def look_up(self, name: str, frame: str) -> None:
        """Ask for the own mark as a student."""
        self._exchange({name: [frame]})

    @step(name=NAMES, frame=ANYTHING)
    def anything(self, name: str, frame: Payload) -> None:
        """Send any frame from any socket."""
        self._exchange({name: [frame]})

    @step(name=NAMES, frame=VALID)
    def anybody(self, name: str, frame: str) -> None:
        """Send a valid frame of any event from any socket."""
        self._exchange({name: [frame]})

    @step(name=NAMES, frame=move("nearly_valid"))
    def mistake(self, name: str, frame: str) -> None:
        """Send a frame with one mistake."""
        self._exchange({name: [frame]})

    @step(name=NAMES, frame=move("hostile"))
    def attack(self, name: str, frame: Payload) -> None:
        """Send a frame that may break a parser."""
        self._exchange({name: [frame]})

    # Concurrent frames: some order must explain the answers.

    @step(name=NAMES, frames=st.lists(ANYTHING, min_size=2, max_size=5))
    def hurry(self, name: str, frames: list[Payload]) -> None:
        """Send frames without waiting for answers."""
        self._exchange({name: frames})

    @step(
        class_name=CLASS,
        frames=st.lists(MARK | MARK | ANYTHING, min_size=8, max_size=24),
        more=st.lists(TEACHER_FRAME, max_size=3),
    )
    def burst(self, class_name: str, frames: list[Payload], more: list[str]) -> None:
        """Send more frames of all kinds without waiting than a server handles at once."""
        self._start(class_name)
        owner = CLASSES[class_name]
        self._exchange({f"{owner} teacher": [*frames, *more], "first teacher again": more[:1]})

    @step(
        class_name=st.sampled_from([name for name in sorted(CLASSES) if CLASSES[name] == "first"]),
        frames=st.lists(IN_1, min_size=8, max_size=24),
        again=st.integers(0, 8),
    )
    def burst_in_version_1(self, class_name: str, frames: list[str], again: int) -> None:
        """Send many frames of version 1 without waiting, some of them twice."""
        self._start(class_name)
        self._exchange({VERSION_1: [*frames, *frames[:again]]})

    @step(
        class_name=CLASS,
        marks=st.lists(MARK, min_size=1, max_size=4),
        more=st.lists(TEACHER_FRAME, min_size=1, max_size=4),
        looks=st.lists(OWN, max_size=2),
    )
    def race(self, class_name: str, marks: list[str], more: list[str], looks: list[str]) -> None:
        """Finish a session in one window while the same teacher marks in another."""
        self._start(class_name)
        owner = CLASSES[class_name]
        ended = [*marks, message("DONE")]
        if owner == "first":
            self._exchange(
                {
                    "first teacher": ended,
                    "first teacher again": more,
                    "student of both": looks,
                    "second teacher": more[:1],
                }
            )
        else:
            self._exchange({"second teacher": ended, "student of the other": looks})

    @step(
        before=CLASS,
        after=CLASS,
        frames=st.lists(TEACHER_FRAME, min_size=1, max_size=3),
        looks=st.lists(OWN, max_size=2),
    )
    def start_meanwhile(self, before: str, after: str, frames: list[str], looks: list[str]) -> None:
        """Start a session while frames for another session are on their way."""
        self._start(before)
        sent = {"first teacher": frames}
        if not self._by_class:
            # In scope ``class``, a frame that names no class is about the newest session at the
            # moment when its handling begins, and may be overtaken by frames of others.
            sent |= {"second teacher": frames[:1], "student of both": looks}
        self._exchange(sent, (self._steps_to_start(after), lambda: self._request_start(after)))

    # Frames of version 1.

    @step(name=st.sampled_from(IN_VERSION_1), frames=st.lists(IN_1, min_size=1, max_size=4))
    def speak_version_1(self, name: str, frames: list[str]) -> None:
        """Send frames of version 1, one after another or in a hurry."""
        self._exchange({name: frames})

    @step(
        class_name=st.sampled_from([name for name in sorted(CLASSES) if CLASSES[name] == "first"]),
        queue=st.lists(CHANGE_IN_1, min_size=1, max_size=4),
        meanwhile=st.lists(TEACHER_FRAME, max_size=3),
        is_away=st.booleans(),
    )
    def resend(
        self, class_name: str, queue: list[str], meanwhile: list[str], *, is_away: bool
    ) -> None:
        """Send a queue of frames again, after a colleague has sent others."""
        self._start(class_name)
        self._exchange({VERSION_1: queue, "first teacher": meanwhile[:1]})
        for frame in meanwhile[1:]:
            self._exchange({"first teacher": [frame]})
        if is_away:
            self._come_back(VERSION_1)
        self._exchange({VERSION_1: queue})

    # Requests that change the state.

    @step(class_name=CLASS)
    def start(self, class_name: str) -> None:
        """Start a session, which may be live already or supersede another."""
        self._start(class_name)

    @step(class_name=CLASS, student=STUDENT)
    def enrol(self, class_name: str, student: str) -> None:
        """Enrol a student in a class."""
        class_id, student_id = self._classes[class_name], self._ids[student]
        roll = next(iter(self._models)).roll(class_id)
        path = f"/class/{class_id}/add-student"
        answer = self._request(class_name, "POST", path, {"studentId": student_id})
        assert answer.status_code == (409 if student_id in roll else 201), answer.text
        if student_id not in roll:
            self._room.joins(student_id, class_id)
        self._change_roll(class_id, roll | {student_id})

    @step(class_name=CLASS, student=STUDENT)
    def remove(self, class_name: str, student: str) -> None:
        """Remove a student from a class."""
        class_id, student_id = self._classes[class_name], self._ids[student]
        roll = next(iter(self._models)).roll(class_id)
        answer = self._request(class_name, "DELETE", f"/class/{class_id}/students/{student_id}")
        assert answer.status_code == (200 if student_id in roll else 404), answer.text
        if student_id in roll:
            self._room.parts(student_id, class_id)
        self._change_roll(class_id, roll - {student_id})

    @step(name=NAMES)
    def come_back(self, name: str) -> None:
        """Close a socket and open it again, as a reloaded page does."""
        self._come_back(name)

    # Requests that read the state over HTTP.

    @step(who=st.sampled_from(["first", "second", *STUDENTS]), class_name=st.none() | CLASS)
    def read_session(self, who: str, class_name: str | None) -> None:
        """Read the session over HTTP, or that of one class, and compare it with the model."""
        person = self._cast[who]
        class_id = None if class_name is None else self._classes[class_name]
        session = self._session_answer(person, class_id)
        seen = session and (session["classId"], session["attendance"])
        possible = {model for model in self._models if session_of(model, person, class_id) == seen}
        assert possible, f"{who} sees {seen}, expected one of {self._models}"
        self._models = possible

    @step(class_name=CLASS, student=STUDENT)
    def read_record(self, class_name: str, student: str) -> None:
        """Read a student's record over HTTP, and compare it with the model."""
        person, class_id = self._cast[student], self._classes[class_name]
        path = f"{API}/attendance/{class_id}/my-attendance"
        answer = self._people.http.get(path, headers=person.headers)
        if person.id not in next(iter(self._models)).roll(class_id):
            assert answer.status_code == 403, answer.text
            return
        seen = answer.json()["data"]["status"]
        possible = {
            model
            for model in self._models
            if dict(model.records).get((class_id, person.id)) == seen
        }
        assert possible, f"{student} has the record {seen}, expected one of {self._models}"
        self._models = possible

    def _change_roll(self, class_id: str, students: frozenset[str]) -> None:
        self._models = {model.with_roll(class_id, students) for model in self._models}


def session_of(
    model: Model, person: Person, class_id: str | None = None
) -> tuple[str, dict[str, str]] | None:
    """Return the class and the marks that ``person`` sees over HTTP; None without a session.

    Args:
        model: The state.
        person: The person who asks.
        class_id: The class that the person names; None for none.
    """
    live = model.meant(person, class_id)
    if live is None or class_id not in (None, live.class_id):
        return None
    marks = dict(live.marks)
    if person.role == "student":
        marks = {student: status for student, status in marks.items() if student == person.id}
    return live.class_id, marks
