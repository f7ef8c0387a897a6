"""The stage of a run: people, classes, sockets, and the exchange of frames with the model."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hypothesis.stateful import RuleBasedStateMachine

from quartapp_contract_suite.people import API
from quartapp_contract_suite.websocket.by_class import RoomOfClasses
from quartapp_contract_suite.websocket.client import message
from quartapp_contract_suite.websocket.frames import filled
from quartapp_contract_suite.websocket.model import Model
from quartapp_contract_suite.websocket.moves import (
    CLASSES,
    CO_TEACHERS,
    IN_VERSION_1,
    ROLLS,
    SOCKETS,
    STRANGERS,
    token_of,
)
from quartapp_contract_suite.websocket.room import Room, refusals_of
from quartapp_contract_suite.websocket.step import FailedPlayError, failure

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from quartapp_contract_suite.people import People, Person
    from quartapp_contract_suite.websocket.document import Document
    from quartapp_contract_suite.websocket.moves import Moves
    from quartapp_contract_suite.websocket.report import StepCounts
    from quartapp_contract_suite.websocket.tally import Tally

    Payload = str | bytes
    Steps = Sequence[tuple[str, ...]]

EVERY_REFUSAL = 3


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
        by_class: Whether the server is in scope ``class``.
    """

    people: People
    cast: Mapping[str, Person]
    base_url: str
    document: Document
    tally: Tally
    moves: Moves
    counts: StepCounts
    by_class: bool = False


class Play(RuleBasedStateMachine):
    """One run: new classes and sockets, and what every rule needs.

    Args:
        stage: The parts that all runs share.

    Attributes:
        steps: The steps so far, as text.
        failed: Whether the last of them has failed.
    """

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self.steps: list[str] = []
        self.failed = False
        people, cast = stage.people, stage.cast
        self.moves = stage.moves
        self._document, self._by_class = stage.document, stage.by_class
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
        model = self._first_model(stage.tally)
        self._models = {model}
        self._broken = False
        self._room = self._room_of(stage, model).__enter__()

    def teardown(self) -> None:
        """End all live sessions, and close all sockets.

        Raises:
            FailedPlayError: The end of the sessions does not fit the model.
        """
        try:
            if self._broken or self.failed:
                for name in ("first teacher", "second teacher"):
                    with suppress(Exception):  # the failure before is the one to tell
                        self._room.finish(name)
                return
            sent: dict[str, list[Payload]] = {}
            for name, owner in CLASSES.items():
                end = message("DONE", classId=self._classes[name])
                sent.setdefault(f"{owner} teacher", []).append(end)
            self._exchange(sent)
        except Exception as error:
            raise FailedPlayError(failure(error, [*self.steps, "teardown()"])) from error
        finally:
            self._room.close()

    def _first_model(self, tally: Tally) -> Model:
        for name, teachers in CO_TEACHERS.items():
            for teacher in teachers:
                path = f"/class/{self._classes[name]}/teachers/{self._ids[teacher]}"
                assert self._request(name, "PUT", path).status_code == 200
        teachers_of = {
            self._classes[name]: frozenset(self._ids[one] for one in (owner, *CO_TEACHERS[name]))
            for name, owner in CLASSES.items()
        }
        rolls = {
            self._classes[name]: frozenset(self._ids[student] for student in students)
            for name, students in ROLLS.items()
        }
        return Model(
            tuple(sorted(teachers_of.items())),
            tuple(sorted(rolls.items())),
            tally,
            self._by_class,
        )

    def _room_of(self, stage: Stage, model: Model) -> Room:
        sockets = {name: stage.cast[owner] for name, owner in SOCKETS.items()}
        if not self._by_class:
            return Room(stage.base_url, stage.document, sockets, IN_VERSION_1)
        classes = {person.id: model.classes_of(person) for person in stage.cast.values()}
        return RoomOfClasses(stage.base_url, stage.document, sockets, IN_VERSION_1, classes)

    def _session_answer(self, person: Person, class_id: str | None = None) -> Any:  # noqa: ANN401 - an answer's data
        query = {} if class_id is None else {"classId": class_id}
        path = f"{API}/attendance/session"
        answer = self._people.http.get(path, params=query, headers=person.headers)
        return answer.json().get("data")

    def _exchange(
        self,
        templates: Mapping[str, Sequence[Payload]],
        request: tuple[Steps, Callable[[], object]] | None = None,
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
        for verb, *arguments in self._steps_to_start(class_name):
            self._models = {getattr(model, verb)(*arguments) for model in self._models}

    def _steps_to_start(self, class_name: str) -> Steps:
        class_id, owner = self._classes[class_name], self._cast[CLASSES[class_name]]
        return [("others_superseded", class_id), ("begun", class_id, owner.id)]

    def _request_start(self, class_name: str) -> None:
        self._room.begins(self._classes[class_name])
        body = {"classId": self._classes[class_name]}
        answer = self._request(class_name, "POST", "/attendance/start", body)
        assert answer.status_code == 200, answer.text

    def _request(self, class_name: str, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 - httpx's answer
        headers = self._cast[CLASSES[class_name]].headers
        return self._people.http.request(method, API + path, json=body, headers=headers)
