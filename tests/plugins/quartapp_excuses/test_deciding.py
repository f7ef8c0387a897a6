"""Excuses are handed in, read, withdrawn and decided by those whom they concern."""

from __future__ import annotations

import asyncio

import pytest

from quartapp import hookimpl
from quartapp_excuses import ExcuseDecided, ExcuseHandedIn, ExcuseWithdrawn

NOBODY = "0" * 24


class Listener:
    """Keeps the events of excuses."""

    name = "listener"
    hears = (ExcuseHandedIn, ExcuseDecided, ExcuseWithdrawn)

    def __init__(self):
        self.told = []

    @hookimpl
    async def on_event(self, event):
        self.told.append(event)


async def test_an_excuse_goes_from_its_author_to_a_decision_which_all_are_told(school):
    listener = Listener()
    here = await school(beside=[listener])
    student, teacher = here.maths.students[0], here.maths.teacher
    body = {"from": "2026-03-02", "to": "2026-03-04", "reason": "  In bed with flu "}
    excuse = await here.done(student, "POST", "/excuses", body)
    assert (excuse["state"], excuse["reason"]) == ("open", "In bed with flu")
    assert (excuse["from"], excuse["to"], excuse["file"]) == ("2026-03-02", "2026-03-04", None)
    path = f"/excuses/{excuse['_id']}"
    assert await here.done(teacher, "GET", path) == excuse
    refused = await here.done(teacher, "POST", f"{path}/refuse", {"word": "Bring a note"})
    assert (refused["state"], refused["word"], refused["decidedBy"]) == (
        "refused",
        "Bring a note",
        teacher.id,
    )
    assert await here.done(student, "GET", path) == refused
    await here.server.settled()
    days = (excuse["from"], excuse["to"])
    assert listener.told == [
        ExcuseHandedIn(excuse["_id"], student.id, *days, student.id),
        ExcuseDecided(excuse["_id"], student.id, "refused", teacher.id),
    ]
    entries = await here.server.documents["audit"].find({"about.excuse": excuse["_id"]}).to_list()
    assert [entry["action"] for entry in entries] == ["excuses.handed-in", "excuses.decided"]
    assert "flu" not in str(entries)


async def test_an_excuse_is_hidden_from_everybody_whom_it_does_not_concern(school):
    here = await school()
    student, mate = here.maths.students
    stranger = await here.server.person("teacher")
    excuse = await here.hand_in(student)
    path = f"/excuses/{excuse['_id']}"
    for who in (mate, stranger):
        for method, place in (("GET", path), ("DELETE", path), ("GET", f"{path}/file")):
            assert await here.ask(who, method, place) == (404, "Excuse not found")
        assert await here.done(who, "GET", "/excuses") == []
    for what, body in (("accept", {}), ("refuse", {"word": "no"})):
        assert await here.ask(stranger, "POST", f"{path}/{what}", body) == (404, "Excuse not found")
        status, told = await here.ask(student, "POST", f"{path}/{what}", body)
        assert (status, told) == (403, "Forbidden, teacher access required")
    for who in (student, here.maths.teacher, here.admin):
        assert [one["_id"] for one in await here.done(who, "GET", "/excuses")] == [excuse["_id"]]
    assert await here.ask(here.admin, "DELETE", path) == (
        403,
        "Forbidden, not author of the excuse",
    )


async def test_a_teacher_and_the_office_hand_in_for_a_student_and_nobody_else_does(school):
    here = await school()
    student, mate = here.maths.students
    stranger = await here.server.person("teacher")
    for who in (here.maths.teacher, here.admin):
        excuse = await here.hand_in(who, studentId=student.id.upper())
        assert (excuse["studentId"], excuse["handedInBy"]) == (student.id, who.id)
        assert excuse["studentName"]
    body = {"from": here.today, "to": here.today, "reason": "Ill"}
    for who, named in (
        (mate, student.id),
        (stranger, student.id),
        (here.admin, here.maths.teacher.id),
        (here.admin, NOBODY),
        (here.maths.teacher, None),
    ):
        more = {} if named is None else {"studentId": named}
        answer = await here.ask(who, "POST", "/excuses", {**body, **more})
        assert answer == (404, "Student not found")


async def test_of_twenty_decisions_at_once_exactly_one_counts(school):
    here = await school()
    excuse = await here.hand_in(here.maths.students[0])
    path = f"/excuses/{excuse['_id']}"
    answers = await asyncio.gather(
        *(
            here.request(who, "POST", f"{path}/{what}", {"word": what})
            for _ in range(5)
            for who in (here.maths.teacher, here.admin)
            for what in ("accept", "refuse")
        )
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 19
    (made,) = [answer.json()["data"] for answer in answers if answer.status_code == 200]
    for answer in answers:
        if answer.status_code == 409:
            told = answer.json()
            assert told["error"] == "excuse is decided"
            assert told["current"]["state"] == made["state"]
    assert (await here.done(here.admin, "GET", path))["state"] == made["state"]


async def test_an_open_excuse_is_withdrawn_by_its_author_and_a_decided_one_is_not(school):
    here = await school()
    student, teacher = here.maths.students[0], here.maths.teacher
    excuse = await here.hand_in(student)
    path = f"/excuses/{excuse['_id']}"
    assert (await here.done(student, "DELETE", path))["_id"] == excuse["_id"]
    assert await here.ask(teacher, "POST", f"{path}/accept", {}) == (404, "Excuse not found")
    other = await here.hand_in(student)
    path = f"/excuses/{other['_id']}"
    await here.done(teacher, "POST", f"{path}/refuse", {"word": "no"})
    assert await here.ask(student, "DELETE", path) == (409, "excuse is decided")


async def test_a_withdrawal_races_a_decision_and_one_of_them_counts(school):
    here = await school()
    student, teacher = here.maths.students[0], here.maths.teacher
    for _ in range(5):
        path = f"/excuses/{(await here.hand_in(student))['_id']}"
        withdrawn, decided = await asyncio.gather(
            here.request(student, "DELETE", path),
            here.request(teacher, "POST", f"{path}/accept", {}),
        )
        found = await here.request(student, "GET", path)
        if withdrawn.status_code == 200:
            assert (decided.status_code, found.status_code) == (404, 404)
        else:
            assert (withdrawn.status_code, decided.status_code) == (409, 200)


@pytest.mark.parametrize(
    ("body", "field", "message"),
    [
        ({"from": "2026-02-30"}, "from", "Invalid request schema"),
        ({"from": "yesterday"}, "from", "Invalid request schema"),
        ({"to": "2026-13-01"}, "to", "Invalid request schema"),
        ({"from": "2026-03-03"}, "from", "from is after to"),
        ({"from": "1926-03-02"}, "to", "excuse is longer than a year"),
        ({"reason": "x" * 100_000}, "reason", "Invalid request schema"),
        ({"reason": "   "}, "reason", "Invalid request schema"),
        ({"studentId": "nobody"}, "studentId", "Invalid request schema"),
    ],
)
async def test_bad_input_is_named_and_nothing_is_stored(school, body, field, message):
    here = await school()
    student = here.maths.students[0]
    good = {"from": "2026-03-02", "to": "2026-03-02", "reason": "Ill"}
    answer = await here.request(student, "POST", "/excuses", {**good, **body})
    told = answer.json()
    assert (answer.status_code, told["error"]) == (400, message)
    assert [one["field"] for one in told["errors"]] == [field]
    assert await here.done(student, "GET", "/excuses") == []


async def test_a_refusal_needs_a_word(school):
    here = await school()
    excuse = await here.hand_in(here.maths.students[0])
    path = f"/excuses/{excuse['_id']}/refuse"
    for body in ({}, {"word": " "}, {"word": "x" * 501}):
        assert (await here.ask(here.admin, "POST", path, body))[0] == 400


async def test_the_list_is_filtered_and_paged(school):
    here = await school()
    first, second = here.maths.students
    made = [await here.hand_in(who) for who in (first, second, first)]
    await here.done(here.admin, "POST", f"/excuses/{made[1]['_id']}/accept", {})

    async def listed(query):
        found = await here.done(here.maths.teacher, "GET", f"/excuses?{query}")
        return [made.index(next(e for e in made if e["_id"] == one["_id"])) for one in found]

    assert await listed("state=open") == [0, 2]
    assert await listed("state=accepted") == [1]
    assert await listed(f"studentId={first.id}") == [0, 2]
    assert await listed(f"date={here.today}") == [0, 1, 2]
    assert await listed("date=2020-01-01") == []
    assert await listed("limit=1") == [0]
    assert await listed(f"limit=1&after={made[0]['_id']}") == [1]


async def test_a_student_has_a_limited_number_of_open_excuses(school, monkeypatch):
    monkeypatch.setenv("QUARTAPP_EXCUSES_MOST_OPEN", "2")
    here = await school()
    student = here.maths.students[0]
    made = [await here.hand_in(student) for _ in range(2)]
    body = {"from": here.today, "to": here.today, "reason": "Ill"}
    refused = (409, "student has too many open excuses")
    assert await here.ask(student, "POST", "/excuses", body) == refused
    await here.done(student, "DELETE", f"/excuses/{made[0]['_id']}")
    await here.hand_in(student)


async def test_a_repeated_request_hands_in_once(school):
    here = await school()
    student = here.maths.students[0]
    body = {"from": here.today, "to": here.today, "reason": "Ill"}
    headers = {**student.headers, "Idempotency-Key": "flu"}
    told = [
        (await here.server.api.post("/excuses", json=body, headers=headers)).json()
        for _ in range(3)
    ]
    assert told[0] == told[1] == told[2]
    assert len(await here.done(student, "GET", "/excuses")) == 1
