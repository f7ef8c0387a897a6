"""Several sockets at once, with frames of every kind and requests between them.

Two teachers with classes of their own, students enrolled in one, in both and in none. Beside the
server runs a model of the session. Every frame that comes is checked against the document, and
everything together against the model: who got it, in which order, and that nothing else came.

The server may hold other data, and each run makes its own users and classes. But in scope
``global``, which is what this test is about, there is one session in the whole system: while it
runs, nobody else may start one there.
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
CLASS = st.sampled_from(sorted(CLASSES))
STUDENT = st.sampled_from(STUDENTS)
MARK, SUMMARY, OWN, VALID = map(move, ("mark", "summary", "own", "valid"))
ANYTHING, TEACHER_FRAME = move("anything"), move("teachers")


@dataclass(frozen=True, slots=True)
class Stage:
    """What all runs share.

    Attributes:
        people: Accounts and requests.
        cast: Who takes part, by name.
        base_url: Where the server is.
        document: What it says of its events.
        tally: How it counts marks.
        moves: What there is to send.
        counts: Where frames are counted.
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
        stage: What all runs share.
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
        self._room = Room(stage.base_url, stage.document, sockets).__enter__()

    def teardown(self) -> None:
        """Nobody's session stays live, and everybody leaves."""
        try:
            for name in ("first teacher", "second teacher"):
                if self._broken:
                    self._room.finish(name)
                else:
                    self._exchange({name: [message("DONE")]})
        finally:
            self._room.close()

    # Frames, one at a time: what comes of each is known exactly.

    @rule(name=TEACHERS, frame=MARK)
    def mark(self, name: str, frame: str) -> None:
        """A teacher marks."""
        self._exchange({name: [frame]})

    @rule(class_name=CLASS, marks=st.lists(MARK, min_size=1, max_size=4))
    def begin(self, class_name: str, marks: list[str]) -> None:
        """A lesson begins, so that there is a session more often than not."""
        self._start(class_name)
        for frame in marks:
            self._exchange({f"{CLASSES[class_name]} teacher": [frame]})

    @rule(name=TEACHERS, frame=SUMMARY)
    def summarise(self, name: str, frame: str) -> None:
        """A teacher asks for the counts."""
        self._exchange({name: [frame]})

    @rule(name=STUDENT_SOCKETS, frame=OWN)
    def look_up(self, name: str, frame: str) -> None:
        """A student asks."""
        self._exchange({name: [frame]})

    @rule(name=NAMES, frame=ANYTHING)
    def anything(self, name: str, frame: Payload) -> None:
        """Anybody sends anything."""
        self._exchange({name: [frame]})

    @rule(name=NAMES, frame=VALID)
    def anybody(self, name: str, frame: str) -> None:
        """Anybody sends any event."""
        self._exchange({name: [frame]})

    @rule(name=NAMES, frame=move("nearly_valid"))
    def mistake(self, name: str, frame: str) -> None:
        """Somebody's client has one thing wrong."""
        self._exchange({name: [frame]})

    @rule(name=NAMES, frame=move("hostile"))
    def attack(self, name: str, frame: Payload) -> None:
        """Somebody sends what should break the server."""
        self._exchange({name: [frame]})

    # Several at once: some order must explain them.

    @rule(name=NAMES, frames=st.lists(ANYTHING, min_size=2, max_size=5))
    def hurry(self, name: str, frames: list[Payload]) -> None:
        """One socket does not wait for answers."""
        self._exchange({name: frames})

    @rule(
        class_name=CLASS,
        marks=st.lists(MARK, min_size=1, max_size=4),
        more=st.lists(TEACHER_FRAME, min_size=1, max_size=4),
        looks=st.lists(OWN, max_size=2),
    )
    def race(self, class_name: str, marks: list[str], more: list[str], looks: list[str]) -> None:
        """A teacher marks and finishes in one window, goes on in another, and a student asks."""
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
        """A session starts while frames for another are on their way."""
        self._start(before)
        self._exchange(
            {"first teacher": frames, "second teacher": frames[:1], "student of both": looks},
            (self._steps_to_start(after), lambda: self._request_start(after)),
        )

    # Requests, and what they change.

    @rule(class_name=CLASS)
    def start(self, class_name: str) -> None:
        """A session starts, goes on, or takes the place of another."""
        self._start(class_name)

    @rule(class_name=CLASS, student=STUDENT)
    def enrol(self, class_name: str, student: str) -> None:
        """A student joins a class."""
        class_id, student_id = self._classes[class_name], self._ids[student]
        roll = next(iter(self._models)).roll(class_id)
        path = f"/class/{class_id}/add-student"
        answer = self._request(class_name, "POST", path, {"studentId": student_id})
        assert answer.status_code == (409 if student_id in roll else 201), answer.text
        self._change_roll(class_id, roll | {student_id})

    @rule(class_name=CLASS, student=STUDENT)
    def remove(self, class_name: str, student: str) -> None:
        """A student leaves a class."""
        class_id, student_id = self._classes[class_name], self._ids[student]
        roll = next(iter(self._models)).roll(class_id)
        answer = self._request(class_name, "DELETE", f"/class/{class_id}/students/{student_id}")
        assert answer.status_code == (200 if student_id in roll else 404), answer.text
        self._change_roll(class_id, roll - {student_id})

    @rule(name=NAMES)
    def come_back(self, name: str) -> None:
        """A page is reloaded."""
        self._room.come_back(name)

    @rule(
        name=STUDENT_SOCKETS | st.just("first teacher again"),
        sender=st.sampled_from(["first teacher", "second teacher"]),
        frames=st.lists(TEACHER_FRAME, max_size=4),
        long_ago=st.booleans(),
    )
    def miss(self, name: str, sender: str, frames: list[str], long_ago: bool) -> None:
        """Somebody is away for a while, and asks for what they missed."""
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

    # Over HTTP the same is to be seen.

    @rule(who=st.sampled_from(["first", "second", *STUDENTS]))
    def read_session(self, who: str) -> None:
        """The session over HTTP is the one of the sockets."""
        person = self._cast[who]
        session = self._session_answer(person)
        seen = session and (session["classId"], session["attendance"])
        possible = {model for model in self._models if _session_of(model, person) == seen}
        assert possible, f"{who} sees {seen}, expected one of {self._models}"
        self._models = possible

    @rule(class_name=CLASS, student=STUDENT)
    def read_record(self, class_name: str, student: str) -> None:
        """What a session left is what was marked in it."""
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
            chosen = [filled(frame, self._ids) for frame in frames]
            # One kind of refusal must be left over, for the probe.
            while len(refusals_of(self._document, person, chosen)) >= EVERY_REFUSAL:
                chosen.pop()
            for frame in chosen:
                self._counts.add(self._document, person, frame)
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


def test_every_answer_is_the_one_the_model_expects_and_reaches_those_it_should(
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

    # Not shrunk: over the wire that takes longer than reading the last exchange, which the
    # failure shows with what was so before it.
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
