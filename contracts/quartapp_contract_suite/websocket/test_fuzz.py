"""Several sockets at once, with frames of every kind and requests between them.

Two teachers have classes of their own, and one that both teach; students are enrolled in one
class, in both and in none. The tests compare the server with a model of the sessions: every frame
must fit the document, and the receivers and the order of all frames must fit the model, without
any further frame.

Each run makes its own users and classes, so the server may hold other data. But in scope
``global`` the whole system has one session: while that test runs, nobody else may start a session
on the server. Scope ``class`` is a setting, so that test runs against a server that it starts.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import seed as begin_at
from hypothesis import strategies as st
from hypothesis.stateful import run_state_machine_as_test

from quartapp_contract_suite.people import People
from quartapp_contract_suite.server import running_server
from quartapp_contract_suite.websocket.client import error
from quartapp_contract_suite.websocket.machine import NAMES, TEACHER_FRAME, LiveSession
from quartapp_contract_suite.websocket.model import NO_SESSION
from quartapp_contract_suite.websocket.moves import IN_VERSION_1, SOCKETS, STUDENTS, Moves
from quartapp_contract_suite.websocket.play import Stage
from quartapp_contract_suite.websocket.report import StepCounts
from quartapp_contract_suite.websocket.step import FailedPlayError, step
from quartapp_contract_suite.websocket.tally import learned

if TYPE_CHECKING:
    from collections.abc import Callable

    from quartapp.encoding import JsonObject
    from quartapp_contract_suite.websocket.by_class import RoomOfClasses
    from quartapp_contract_suite.websocket.document import Document

    Record = Callable[[str, object], None]

MINIMUM_STEPS = 2_000
RUNS = 68
MINIMUM_STEPS_BY_CLASS = 1_200
RUNS_BY_CLASS = 44
RULES_PER_RUN = 40
LONG_AGO = 1

PRESENT = ("first teacher", "second teacher")
SENDERS = st.sampled_from(PRESENT)
AWAY = st.sampled_from([name for name in sorted(SOCKETS) if name not in PRESENT])
WITHOUT_VERSION = st.sampled_from(
    [name for name in sorted(SOCKETS) if "student" in name and name not in IN_VERSION_1]
)


class OneSession(LiveSession):
    """One run in scope ``global``."""

    def _come_back(self, name: str) -> None:
        self._room.come_back(name)

    @step(
        name=WITHOUT_VERSION | st.just("first teacher again"),
        sender=SENDERS,
        frames=st.lists(TEACHER_FRAME, max_size=4),
        long_ago=st.booleans(),
    )
    def miss(self, name: str, sender: str, frames: list[str], long_ago: bool) -> None:
        """Reconnect with ``since``, and compare the answer with the missed broadcasts."""
        person = self._room.people[name]
        known = self._session_answer(person)
        self._room.leave(name)
        before = len(self._room.shown[""])
        for frame in frames:
            self._exchange({sender: [frame]})
        missed = self._room.shown[""][before:]
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


class SessionsOfClasses(LiveSession):
    """One run in scope ``class``."""

    _room: RoomOfClasses

    def _come_back(self, name: str) -> None:
        self._return(name, "first teacher", [], long_ago=False)

    @step(name=AWAY, sender=SENDERS, frames=st.lists(TEACHER_FRAME, max_size=4))
    def miss(self, name: str, sender: str, frames: list[str]) -> None:
        """Reconnect with the number of each class, and compare the answer with what was missed."""
        self._return(name, sender, frames, long_ago=False)

    @step(name=NAMES)
    def return_after_long(self, name: str) -> None:
        """Reconnect with numbers that the server no longer knows."""
        self._return(name, "first teacher", [], long_ago=True)

    def _return(self, name: str, sender: str, frames: list[str], *, long_ago: bool) -> None:
        person, classes = self._room.people[name], self._room.classes_of(name)
        known = {class_id: self._session_answer(person, class_id) for class_id in classes}
        before = {class_id: len(self._room.shown[class_id]) for class_id in classes}
        self._room.leave(name)
        for frame in frames:
            self._exchange({sender: [frame]})
        since: dict[str, int] = {}
        expected: list[JsonObject] = []
        for class_id, session in known.items():
            since[class_id] = LONG_AGO if long_ago or session is None else session["seq"]
            if since[class_id] == LONG_AGO:
                answer = self._state(name, class_id)
            else:
                answer = self._room.shown[class_id][before[class_id] :]
            expected += answer
            if self._room.version(name) and answer != [error(NO_SESSION)]:
                expected.append({"event": "RESUMED", "classId": class_id})
        got = self._room.enter_as(name, since)
        assert got == expected, f"{name} came back with since={since} to {got}, not {expected}"

    def _state(self, name: str, class_id: str) -> list[JsonObject]:
        session = self._session_answer(self._room.people[name], class_id)
        if session is None:
            return [error(NO_SESSION)]
        del session["className"]
        beside = {"classId": class_id, "seq": session["seq"]}
        return [{"event": "SESSION_STATE", "data": session, **beside}]


def run(
    machine: type[LiveSession],
    stage: Stage,
    runs: int,
    seed: int,
    record_property: Record,
    again: str,
) -> None:
    """Run a machine, and note how many frames it sends.

    Args:
        machine: The machine.
        stage: The parts that all runs share.
        runs: Number of runs.
        seed: Seed of the generated steps.
        record_property: Function that notes a property of the test.
        again: Command that repeats the test.
    """
    began = time.monotonic()

    @begin_at(seed)
    class Machine(machine):  # type: ignore[misc, valid-type]  # the argument is a class
        def __init__(self) -> None:
            super().__init__(stage)

    # Shrinking over the network takes longer than reading the failure, which shows the last
    # exchange with the state before it.
    try:
        run_state_machine_as_test(
            Machine,
            settings=settings(
                max_examples=runs,
                stateful_step_count=RULES_PER_RUN,
                phases=(Phase.generate,),
                deadline=None,
                database=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
    except FailedPlayError as failed:
        told = f"{failed}\nagain: {again}"
    else:
        told = ""
    if told:  # outside of the block: the report would show the causes too
        pytest.fail(told, pytrace=False)
    stage.counts.record(record_property, time.monotonic() - began)


def stage_of(people: People, base_url: str, document: Document, *, by_class: bool) -> Stage:
    cast = {name: people.teacher(name) for name in ("first", "second")}
    cast |= {name: people.student(name) for name in STUDENTS}
    tally = learned(document, people, base_url, cast["first"], cast["one"])
    return Stage(
        people, cast, base_url, document, tally, Moves(document), StepCounts(), by_class=by_class
    )


def test_every_answer_and_its_receivers_fit_the_model(
    people: People,
    base_url: str,
    document: Document,
    depth: float,
    seed: int,
    record_property: Record,
    again: str,
) -> None:
    stage = stage_of(people, base_url, document, by_class=False)
    run(OneSession, stage, round(RUNS * depth), seed, record_property, again)
    assert len(stage.counts) >= MINIMUM_STEPS * depth


@pytest.mark.needs_own_server
def test_sessions_of_several_classes_fit_the_model(
    plugins: list[str],
    document: Document,
    depth: float,
    seed: int,
    record_property: Record,
    again: str,
) -> None:
    with (
        running_server(*plugins, QUARTAPP_ATTENDANCE_SCOPE="class") as url,
        People(url) as people,
    ):
        stage = stage_of(people, url, document, by_class=True)
        runs = round(RUNS_BY_CLASS * depth)
        run(SessionsOfClasses, stage, runs, seed, record_property, again)
    assert len(stage.counts) >= MINIMUM_STEPS_BY_CLASS * depth
