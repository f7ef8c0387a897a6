"""Guardians of students, as the office keeps them."""

from __future__ import annotations

import asyncio
import uuid

import pytest

from quartapp import QuartappError
from quartapp_guardians import GuardianAdded, GuardianChanged, GuardianRemoved
from tests.plugins.quartapp_guardians.conftest import MARY, WALTER
from tests.support.listener import Listener

MISSING = "0" * 24


async def test_a_guardian_is_added_changed_and_removed(office):
    listener = Listener(GuardianAdded, GuardianChanged, GuardianRemoved)
    here = await office(beside=[listener])
    student = await here.server.person("student")
    assert await here.done("GET", here.path(student)) == []
    added = await here.add(student)
    assert added == {
        "_id": added["_id"],
        "studentId": student.id,
        "name": "Mary Hopper",
        "email": "mary@home.example",
        "language": "en",
        "v": 1,
        "createdAt": added["createdAt"],
        "updatedAt": added["createdAt"],
    }
    one = here.path(student, added["_id"])
    assert await here.done("GET", one) == added
    second = await here.done("POST", here.path(student), {**WALTER, "name": " Walter "})
    assert second["name"] == "Walter"
    assert await here.done("GET", here.path(student)) == [added, second]
    changed = await here.done("PUT", one, {**MARY, "language": "de"})
    assert (changed["language"], changed["v"]) == ("de", 2)
    assert await here.done("DELETE", one) == changed
    assert await here.ask("GET", one) == (404, "Guardian not found")
    assert await here.done("GET", here.path(student)) == [second]
    await here.server.settled()
    about = (added["_id"], student.id, here.admin.id)
    assert [one for one in listener.told if one.guardian_id == added["_id"]] == [
        GuardianAdded(*about), GuardianChanged(*about), GuardianRemoved(*about)
    ]  # fmt: skip


async def test_a_change_counts_only_for_the_version_that_was_seen(office):
    here = await office()
    student = await here.server.person("student")
    one = here.path(student, (await here.add(student))["_id"])
    tag = (await here.request("GET", one)).headers["etag"]
    unchanged = await here.request("GET", one, headers={"If-None-Match": tag})
    assert unchanged.status_code == 304
    answers = await asyncio.gather(
        *(
            here.request("PUT", one, {**MARY, "name": f"Mary {n}"}, headers={"If-Match": tag})
            for n in range(5)
        )
    )
    assert sorted(answer.status_code for answer in answers) == [200, 412, 412, 412, 412]
    (counted,) = [answer for answer in answers if answer.is_success]
    assert await here.done("GET", one) == counted.json()["data"]
    stale = await here.ask("DELETE", one, headers={"If-Match": tag})
    assert stale == (412, "Precondition Failed")
    fresh = (await here.request("GET", one)).headers["etag"]
    assert (await here.ask("DELETE", one, headers={"If-Match": fresh}))[0] == 200


async def test_only_the_office_knows_guardians(office):
    here = await office()
    student, teacher = await here.server.person("student"), await here.server.person("teacher")
    one = here.path(student, (await here.add(student))["_id"])
    requests = [
        ("GET", here.path(student), None),
        ("POST", here.path(student), WALTER),
        ("GET", one, None),
        ("PUT", one, WALTER),
        ("DELETE", one, None),
        ("GET", "/attendance/notices", None),
    ]
    for method, path, body in requests:
        for who in (student, teacher):
            refused = (403, "Forbidden, admin access required")
            assert await here.ask(method, path, body, by=who) == refused
        given = {} if body is None else {"json": body}
        assert (await here.server.api.request(method, path, **given)).status_code == 401
    assert len(await here.done("GET", here.path(student))) == 1


async def test_what_is_not_there_is_not_found(office):
    here = await office()
    student, other = [await here.server.person("student") for _ in range(2)]
    teacher = await here.server.person("teacher")
    added = await here.add(student)
    for unknown in (MISSING, "x", teacher.id):
        for method, body in (("GET", None), ("POST", MARY)):
            told = await here.ask(method, f"/student/{unknown}/guardians", body)
            assert told == (404, "Student not found")
    for path in (here.path(other, added["_id"]), here.path(student, "x")):
        for method, body in (("GET", None), ("PUT", MARY), ("DELETE", None)):
            assert await here.ask(method, path, body) == (404, "Guardian not found")
    assert await here.done("GET", here.path(student)) == [added]


async def test_an_address_is_there_once_for_a_student(office):
    here = await office()
    student, other = [await here.server.person("student") for _ in range(2)]
    await here.add(student)
    same = (409, "student has a guardian with this address")
    assert (
        await here.ask("POST", here.path(student), {**MARY, "email": "MARY@home.example"}) == same
    )
    walter = await here.add(student, **WALTER)
    path = here.path(student, walter["_id"])
    assert await here.ask("PUT", path, {**WALTER, "email": MARY["email"]}) == same
    assert await here.done("GET", path) == walter
    assert (await here.add(other))["email"] == "mary@home.example"


async def test_a_student_has_ten_guardians_at_most_whoever_adds_them_at_once(office):
    here = await office()
    student = await here.server.person("student")
    bodies = [{**MARY, "email": f"mary{number}@home.example"} for number in range(14)]
    answers = await asyncio.gather(*(here.ask("POST", here.path(student), body) for body in bodies))
    assert sorted(status for status, _ in answers) == [201] * 10 + [409] * 4
    refused = {told for status, told in answers if status == 409}
    assert refused == {"student has too many guardians"}
    listed = await here.done("GET", here.path(student))
    assert len(listed) == 10
    await here.done("DELETE", here.path(student, listed[3]["_id"]))
    await here.add(student, email="another@home.example")


@pytest.mark.parametrize(
    "fields",
    [
        {"name": " "},
        {"name": "x" * 101},
        {"name": 5},
        {"email": "mary"},
        {"email": "mary..hopper@home.example"},
        {"email": "mary@home.example\r\nBcc: eve@x.example"},
        {"email": f"{'m' * 64}@{'a' * 60}.{'b' * 60}.{'c' * 60}.{'d' * 60}.example"},
        {"language": "fr"},
        {"language": None},
    ],
)
async def test_what_is_no_guardian_is_refused(office, fields):
    here = await office()
    student = await here.server.person("student")
    status, told = await here.ask("POST", here.path(student), {**MARY, **fields})
    assert (status, told) == (400, "Invalid request schema")
    assert await here.done("GET", here.path(student)) == []


async def test_without_a_language_a_guardian_has_that_of_the_settings(office):
    here = await office(language="de")
    student = await here.server.person("student")
    body = {"name": "Mary", "email": "mary@home.example"}
    assert (await here.done("POST", here.path(student), body))["language"] == "de"


async def test_a_repeated_request_adds_a_guardian_once(office):
    here = await office()
    student = await here.server.person("student")
    key = {"Idempotency-Key": uuid.uuid4().hex}
    first, second = [
        await here.done("POST", here.path(student), MARY, headers=key) for _ in range(2)
    ]
    assert first == second
    assert await here.done("GET", here.path(student)) == [first]


async def test_the_audit_tells_who_did_what_without_names_and_addresses(office):
    here = await office()
    student = await here.server.person("student")
    one = here.path(student, (await here.add(student))["_id"])
    await here.done("PUT", one, WALTER)
    await here.done("DELETE", one)
    found = here.server.documents["audit"].find({"action": {"$regex": "^guardians[.]"}})
    kept = await found.sort([("day", 1), ("number", 1)]).to_list()
    actions = [entry["action"].partition(".")[2] for entry in kept]
    assert actions == ["added", "changed", "removed"]
    assert {entry["who"] for entry in kept} == {here.admin.id}
    assert {entry["about"]["student"] for entry in kept} == {student.id}
    text = str(kept).lower()
    assert [word for word in ("mary", "walter", "home.example") if word in text] == []


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"notice_from": "9:30"}, "NOTICE_FROM"),
        ({"notice_minutes": -1}, "NOTICE_MINUTES"),
        ({"notices": True, "notice_statuses": ["gone"]}, "the status gone is none of present, "),
        ({"language": "fr"}, "LANGUAGE"),
    ],
)
async def test_a_bad_setting_is_refused_in_one_sentence(office, settings, said):
    with pytest.raises(QuartappError, match="plugin guardians") as caught:
        await office(**settings)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


async def test_notices_without_a_mail_server_are_refused_in_one_sentence(serve, monkeypatch):
    monkeypatch.setenv("QUARTAPP_GUARDIANS_NOTICES", "true")
    with pytest.raises(QuartappError) as caught:
        await serve(extra_plugins=("mail", "guardians"))
    assert str(caught.value) == (
        "plugin guardians: notices need a mail server: set smtp_host of the plugin mail"
    )
