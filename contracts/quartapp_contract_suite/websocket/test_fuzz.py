"""Several sockets at once, with frames of every kind and requests between them.

Two teachers have classes of their own; students are enrolled in one class, in both and in none.
The test compares the server with a model of the session: every frame must fit the document, and
the receivers and the order of all frames must fit the model, without any further frame.

Each run makes its own users and classes, so the server may hold other data. But the test is about
scope ``global``, where the whole system has one session: while the test runs, nobody else may
start a session on the server.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import seed as begin_at
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from quartapp_contract_suite.people import API
from quartapp_contract_suite.websocket.client import error, message
from quartapp_contract_suite.websocket.frames import filled
from quartapp_contract_suite.websocket.model import NO_SESSION, Model
from quartapp_contract_suite.websocket.moves import (
    CLASSES,
    IN_VERSION_1,
    ROLLS,
    SOCKETS,
    STRANGERS,
    STUDENTS,
    Moves,
    move,
    token_of,
)
from quartapp_contract_suite.websocket.report import StepCounts
from quartapp_contract_suite.websocket.room import Room, refusals_of
from quartapp_contract_suite.websocket.tally import learned

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from quartapp_contract_suite.people import People, Person
    from quartapp_contract_suite.websocket.document import Document
    from quartapp_contract_suite.websocket.tally import Tally

    Payload = str | bytes

MINIMUM_STEPS = 2_000
RUNS = 68
RULES_PER_RUN = 40
EVERY_REFUSAL = 3

NAMES = st.sampled_from(sorted(SOCKETS))
TEACHERS = st.sampled_from(["first teacher", "first teacher again", "second teacher"])
STUDENT_SOCKETS = st.sampled_from([name for name in sorted(SOCKETS) if "student" in name])
WITHOUT_VERSION = st.sampled_from(
    [name for name in sorted(SOCKETS) if "student" in name and name not in IN_VERSION_1]
)
VERSION_1 = "first teacher in version 1"
CLASS = st.sampled_from(sorted(CLASSES))
STUDENT = st.sampled_from(STUDENTS)
MARK, REST, SUMMARY, OWN, VALID = map(move, ("mark", "rest", "summary", "own", "valid"))
ANYTHING, TEACHER_FRAME = move("anything"), move("teachers")
IN_1, CHANGE_IN_1 = move("version_1"), move("changes_1")


@dataclass(frozen=True, slots=True)
class Stage:
    """The parts that all runs share.

    Attributes:
        people: Maker of accounts and requests.
        cast: The people of the test, by name.
        base_url: Address of the server, without a path.
        document: The server's document.
        tally: The server's rules for counting marks.
        moves: The frames to choose from.
        counts: Counter of sent frames.
    """

    people: People
    cast: Mapping[str, Person]
    base_url: str
    document: Document
    tally: Tally
    moves: Moves
    counts: StepCounts


class LiveSession(RuleBasedStateMachine):
    """One run: new classes and sockets, then steps in any order.

    Args:
        stage: The parts that all runs share.
    """

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        people, cast = stage.people, stage.cast
        self.moves = stage.moves
        self._document = stage.document
        self._people, self._cast, self._counts = people, cast, stage.counts
        self._classes = {
            name: people.class_of(cast[owner], *(cast[student] for student in ROLLS[name]))
            for name, owner in CLASSES.items()
        }
        self._ids = {
            **{name: person.id for name, person in cast.items()},
            **self._classes,
            **STRANGERS,
            **{token_of(name): person.token for name, person in cast.items()},
        }
        owners = {self._classes[name]: cast[owner].id for name, owner in CLASSES.items()}
        rolls = {
            self._classes[name]: frozenset(cast[student].id for student in students)
            for name, students in ROLLS.items()
        }
        self._models = {
            Model(tuple(sorted(owners.items())), tuple(sorted(rolls.items())), stage.tally)
        }
        sockets = {name: cast[owner] for name, owner in SOCKETS.items()}
        self._broken = False
        self._room = Room(stage.base_url, stage.document, sockets, IN_VERSION_1).__enter__()

    def teardown(self) -> None:
        """End all live sessions, and close all sockets."""
        try:
            for name in ("first teacher", "second teacher"):
                if self._broken:
                    self._room.finish(name)
                else:
                    self._exchange({name: [message("DONE")]})
        finally:
            self._room.close()

    # Single frames: the model knows the outcome exactly.

    @rule(name=TEACHERS, frame=MARK)
    def mark(self, name: str, frame: str) -> None:
        """Mark a student as a teacher."""
        self._exchange({name: [frame]})

    @rule(class_name=CLASS, marks=st.lists(MARK, min_size=1, max_size=4))
    def begin(self, class_name: str, marks: list[str]) -> None:
        """Begin a session with marks, so that most steps find a live session."""
        self._start(class_name)
        for frame in marks:
            self._exchange({f"{CLASSES[class_name]} teacher": [frame]})

    @rule(name=TEACHERS, frame=REST)
    def mark_rest(self, name: str, frame: str) -> None:
        """Mark everybody who has no mark."""
        self._exchange({name: [frame]})

    @rule(name=TEACHERS, frame=SUMMARY)
    def summarise(self, name: str, frame: str) -> None:
        """Ask for the counts as a teacher."""
        self._exchange({name: [frame]})

    @rule(name=STUDENT_SOCKETS, frame=OWN)
    def look_up(self, name: str, frame: str) -> None:
        """Ask for the own mark as a student."""
        self._exchange({name: [frame]})

    @rule(name=NAMES, frame=ANYTHING)
    def anything(self, name: str, frame: Payload) -> None:
        """Send any frame from any socket."""
        self._exchange({name: [frame]})

    @rule(name=NAMES, frame=VALID)
    def anybody(self, name: str, frame: str) -> None:
        """Send a valid frame of any event from any socket."""
        self._exchange({name: [frame]})

    @rule(name=NAMES, frame=move("nearly_valid"))
    def mistake(self, name: str, frame: str) -> None:
        """Send a frame with one mistake."""
        self._exchange({name: [frame]})

    @rule(name=NAMES, frame=move("hostile"))
    def attack(self, name: str, frame: Payload) -> None:
        """Send a frame that may break a parser."""
        self._exchange({name: [frame]})

    # Concurrent frames: some order must explain the answers.

    @rule(name=NAMES, frames=st.lists(ANYTHING, min_size=2, max_size=5))
    def hurry(self, name: str, frames: list[Payload]) -> None:
        """Send frames without waiting for answers."""
        self._exchange({name: frames})

    @rule(
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

    @rule(
        before=CLASS,
        after=CLASS,
        frames=st.lists(TEACHER_FRAME, min_size=1, max_size=3),
        looks=st.lists(OWN, max_size=2),
    )
    def start_meanwhile(self, before: str, after: str, frames: list[str], looks: list[str]) -> None:
        """Start a session while frames for another session are on their way."""
        self._start(before)
        self._exchange(
            {"first teacher": frames, "second teacher": frames[:1], "student of both": looks},
            (self._steps_to_start(after), lambda: self._request_start(after)),
        )

    # Frames of version 1.

    @rule(name=st.sampled_from(IN_VERSION_1), frames=st.lists(IN_1, min_size=1, max_size=4))
    def speak_version_1(self, name: str, frames: list[str]) -> None:
        """Send frames of version 1, one after another or in a hurry."""
        self._exchange({name: frames})

    @rule(
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
            self._room.come_back(VERSION_1)
        self._exchange({VERSION_1: queue})

    # Requests that change the state.

    @rule(class_name=CLASS)
    def start(self, class_name: str) -> None:
        """Start a session, which may be live already or supersede another."""
        self._start(class_name)

    @rule(class_name=CLASS, student=STUDENT)
    def enrol(self, class_name: str, student: str) -> None:
        """Enrol a student in a class."""
        class_id, student_id = self._classes[class_name], self._ids[student]
        roll = next(iter(self._models)).roll(class_id)
        path = f"/class/{class_id}/add-student"
        answer = self._request(class_name, "POST", path, {"studentId": student_id})
        assert answer.status_code == (409 if student_id in roll else 201), answer.text
        self._change_roll(class_id, roll | {student_id})

    @rule(class_name=CLASS, student=STUDENT)
    def remove(self, class_name: str, student: str) -> None:
        """Remove a student from a class."""
        class_id, student_id = self._classes[class_name], self._ids[student]
        roll = next(iter(self._models)).roll(class_id)
        answer = self._request(class_name, "DELETE", f"/class/{class_id}/students/{student_id}")
        assert answer.status_code == (200 if student_id in roll else 404), answer.text
        self._change_roll(class_id, roll - {student_id})

    @rule(name=NAMES)
    def come_back(self, name: str) -> None:
        """Close a socket and open it again, as a reloaded page does."""
        self._room.come_back(name)

    @rule(
        name=WITHOUT_VERSION | st.just("first teacher again"),
        sender=st.sampled_from(["first teacher", "second teacher"]),
        frames=st.lists(TEACHER_FRAME, max_size=4),
        long_ago=st.booleans(),
    )
    def miss(self, name: str, sender: str, frames: list[str], long_ago: bool) -> None:
        """Reconnect with ``since``, and compare the answer with the missed broadcasts."""
        person = self._room.people[name]
        known = self._session_answer(person)
        self._room.leave(name)
        before = len(self._room.shown)
        for frame in frames:
            self._exchange({sender: [frame]})
        missed = self._room.shown[before:]
        session = self._session_answer(person)
        since = 1 if long_ago or known is None else known["seq"]
        if since > 1:
            expected = missed
        elif session is not None:
            del session["className"]
            expected = [{"event": "SESSION_STATE", "data": session}]
        else:
            expected = [error(NO_SESSION)]
        got = self._room.enter_since(name, since)
        assert got == expected, f"{name} came back with since={since} to {got}, not {expected}"

    # Requests that read the state over HTTP.

    @rule(who=st.sampled_from(["first", "second", *STUDENTS]))
    def read_session(self, who: str) -> None:
        """Read the session over HTTP, and compare it with the model."""
        person = self._cast[who]
        session = self._session_answer(person)
        seen = session and (session["classId"], session["attendance"])
        possible = {model for model in self._models if _session_of(model, person) == seen}
        assert possible, f"{who} sees {seen}, expected one of {self._models}"
        self._models = possible

    @rule(class_name=CLASS, student=STUDENT)
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

    def _session_answer(self, person: Person) -> dict[str, Any] | None:
        answer = self._people.http.get(f"{API}/attendance/session", headers=person.headers)
        session: dict[str, Any] | None = answer.json().get("data")
        return session

    def _exchange(
        self,
        templates: Mapping[str, Sequence[Payload]],
        request: tuple[Sequence[tuple[str, str]], Callable[[], object]] | None = None,
    ) -> None:
        sent = {}
        for name, frames in templates.items():
            person = self._room.people[name]
            version = self._room.version(name)
            chosen = [filled(frame, self._ids) for frame in frames]
            # The probe needs a kind of refusal that no frame gets.
            while len(refusals_of(self._document, person, chosen, version)) >= EVERY_REFUSAL:
                chosen.pop()
            for frame in chosen:
                self._counts.add(self._document, person, frame, version)
            sent[name] = chosen
        self._broken = True
        self._models = self._room.exchange(self._models, sent, request)
        self._broken = False

    def _start(self, class_name: str) -> None:
        self._request_start(class_name)
        for verb, class_id in self._steps_to_start(class_name):
            self._models = {getattr(model, verb)(class_id) for model in self._models}

    def _steps_to_start(self, class_name: str) -> list[tuple[str, str]]:
        class_id = self._classes[class_name]
        return [("others_superseded", class_id), ("begun", class_id)]

    def _request_start(self, class_name: str) -> None:
        body = {"classId": self._classes[class_name]}
        answer = self._request(class_name, "POST", "/attendance/start", body)
        assert answer.status_code == 200, answer.text

    def _request(self, class_name: str, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 - httpx's answer
        headers = self._cast[CLASSES[class_name]].headers
        return self._people.http.request(method, API + path, json=body, headers=headers)

    def _change_roll(self, class_id: str, students: frozenset[str]) -> None:
        self._models = {model.with_roll(class_id, students) for model in self._models}


def _session_of(model: Model, person: Person) -> tuple[str, dict[str, str]] | None:
    if model.live is None or not model.concerns(person):
        return None
    marks = dict(model.live.marks)
    if person.role == "student":
        marks = {student: status for student, status in marks.items() if student == person.id}
    return model.live.class_id, marks


def test_every_answer_and_its_receivers_fit_the_model(
    people: People,
    base_url: str,
    document: Document,
    depth: float,
    seed: int,
    record_property: Callable[[str, object], None],
) -> None:
    cast = {name: people.teacher(name) for name in ("first", "second")}
    cast |= {name: people.student(name) for name in STUDENTS}
    tally = learned(document, people, base_url, cast["first"], cast["one"])
    counts = StepCounts()
    stage = Stage(people, cast, base_url, document, tally, Moves(document), counts)
    began = time.monotonic()

    @begin_at(seed)
    class Machine(LiveSession):
        def __init__(self) -> None:
            super().__init__(stage)

    # Shrinking over the network takes longer than reading the failure, which shows the last
    # exchange with the state before it.
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=round(RUNS * depth),
            stateful_step_count=RULES_PER_RUN,
            phases=(Phase.generate,),
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    counts.record(record_property, time.monotonic() - began)
    assert len(counts) >= MINIMUM_STEPS * depth
