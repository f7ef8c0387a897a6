"""Statuses and events of plugins keep to the server's own document.

A plugin's own tests cover the purpose of an event. These tests cover the promises to every client:
only the document's role may send the event, invalid data is refused, and valid data gets an answer
that the document announces.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as begin_at

from quartapp_contract_suite.documents.additions import follow
from quartapp_contract_suite.people import API
from quartapp_contract_suite.websocket.client import Socket, error, message
from quartapp_contract_suite.websocket.lesson import INVALID
from quartapp_contract_suite.websocket.report import PREFIX
from quartapp_contract_suite.websocket.schemas import fitting

if TYPE_CHECKING:
    from collections.abc import Callable

    from quartapp_contract_suite.people import People
    from quartapp_contract_suite.websocket.document import Document
    from quartapp_contract_suite.websocket.lesson import Cast

EXAMPLES = 20
NO_DATA: tuple[object, ...] = (None, [], "x", 1, True)


def test_events_of_plugins_keep_to_the_servers_document(
    document: Document,
    people: People,
    cast: Cast,
    base_url: str,
    depth: float,
    seed: int,
    record_property: Callable[[str, object], None],
) -> None:
    people.start(cast.teacher, people.class_of(cast.teacher, cast.first, cast.second))
    # A quick run does not reduce this number: an event with a limit of five tries is refused only
    # after the fifth.
    steps, examples = 0, round(EXAMPLES * max(1, depth))
    for name, event in document.added.items():
        for role, person in (("teacher", cast.teacher), ("student", cast.first)):
            with Socket(role, base_url, person, document.check_server_frame) as socket:
                if event.get("x-role") in (None, role):
                    steps += _permitted(socket, document, event, examples, seed)
                    continue
                refused = error(f"Forbidden, {event['x-role']} event only")
                assert socket.ask(message(name)) == refused
                assert socket.ask(message(name, studentId=1, classId="x")) == refused
                steps += 2
    with Socket("teacher", base_url, cast.teacher, document.check_server_frame) as socket:
        assert socket.ask(message("DONE"))["event"] == "DONE"
    if document.added:
        record_property(f"{PREFIX}: (events of plugins) by anybody", steps)


def test_every_status_is_stored_told_and_counted(
    document: Document, people: People, cast: Cast, base_url: str
) -> None:
    students = (cast.first, cast.second)
    for status in document.statuses:
        class_id = people.class_of(cast.teacher, *students)
        people.start(cast.teacher, class_id)
        with (
            Socket("teacher", base_url, cast.teacher, document.check_server_frame) as teacher,
            Socket("student", base_url, cast.first, document.check_server_frame) as student,
        ):
            for marked in students:
                data = {"studentId": marked.id, "status": status}
                told = teacher.ask(message("ATTENDANCE_MARKED", **data))
                assert told == {"event": "ATTENDANCE_MARKED", "data": data}
            own = student.ask(message("MY_ATTENDANCE"))
            while own["event"] != "MY_ATTENDANCE":
                own = student.receive()
            assert own["data"] == {"status": status}
            summary = teacher.ask(message("TODAY_SUMMARY"))["data"]
            done = teacher.ask(message("DONE"))["data"]
        assert sorted((summary["present"], summary["absent"])) == [0, 2]
        assert summary["total"] == 2
        if document.counted:
            expected = dict.fromkeys(document.counted, 0) | {status: 2}
            assert summary["statuses"] == expected
        assert done == {"message": "Attendance persisted", **summary}
        for marked in students:
            answer = people.http.get(
                f"{API}/attendance/{class_id}/my-attendance", headers=marked.headers
            )
            assert answer.json()["data"] == {"classId": class_id, "status": status}


def _permitted(
    socket: Socket, document: Document, event: dict[str, Any], examples: int, seed: int
) -> int:
    name, payload = event["name"], event["payload"]
    for data in NO_DATA:
        assert socket.ask(json.dumps({"event": name, "data": data})) == INVALID
    if "data" in payload["required"]:
        assert socket.ask(message(name)) == INVALID
    announced = {
        follow(document.raw, document.raw["components"]["messages"][key])["name"]
        for key in event["x-answers"]
    }
    sent = 0

    @begin_at(seed)
    @settings(
        max_examples=examples,
        phases=(Phase.generate,),
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(fitting(payload["properties"]["data"]))
    def ask(data: dict[str, Any]) -> None:
        nonlocal sent
        sent += 1
        answer = socket.ask(json.dumps({"event": name, "data": data}))
        if answer["event"] == "ERROR":
            assert answer["data"]["message"] in event["x-errors"], answer
            return
        assert answer["event"] in announced, answer

    ask()
    return sent + len(NO_DATA)
