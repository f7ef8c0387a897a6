"""The names of a person's classes as passwords."""

from __future__ import annotations

import asyncio

import pytest
from click.testing import CliRunner
from structlog.testing import capture_logs

from quartapp import core, hookimpl
from quartapp_auth.plugin import AuthPlugin
from quartapp_classes import Roll
from quartapp_classes.service import ClassService

SETTING = "QUARTAPP_AUTH_REGISTRATION"
REFUSED = (400, "Password is a word of the school, such as the name of a class")
NEW = "difference-engine"


@pytest.fixture
async def guarded(serve, monkeypatch):
    """Provide a server that takes registrations by invitation."""
    monkeypatch.setenv(SETTING, "invite")
    return await serve()


async def class_of(server, name, teacher, *, student=None, beside=None):
    ask, headers = server.api, teacher.headers
    made = await ask.post("/class", json={"className": name}, headers=headers)
    key = made.json()["data"]["_id"]
    if student is not None:
        sent = {"studentId": student.id}
        added = await ask.post(f"/class/{key}/add-student", json=sent, headers=headers)
        assert added.is_success, added.text
    if beside is not None:
        added = await ask.put(f"/class/{key}/teachers/{beside.id}", json={}, headers=headers)
        assert added.is_success, added.text
    return key


async def change(server, person, new):
    body = {"password": person.password, "newPassword": new}
    answer = await server.api.post("/auth/password", json=body, headers=person.headers)
    return answer.status_code, answer.json().get("error")


async def test_name_of_an_own_class_is_no_password_whoever_sets_it(guarded, mongodb_uri):
    admin = await guarded.person("admin")
    teacher, second = [await guarded.person("teacher") for _ in range(2)]
    student = await guarded.person("student")
    await class_of(guarded, "Organic Chemistry 10b", teacher, student=student, beside=second)
    (user, *_) = AuthPlugin().register_commands()
    for person in (teacher, second, student):
        for word in (
            "chemistry",
            "Chemistry#2026",
            "organic chemistry 10B",
            "ORGANIC-CHEMISTRY-10b",
        ):
            assert await change(guarded, person, word) == REFUSED
        path = f"/admin/people/{person.id}"
        made = await guarded.api.post(f"{path}/reset", headers=admin.headers)
        body = {"code": made.json()["data"]["code"], "newPassword": "chemistry1"}
        by_code = await guarded.api.post("/auth/reset", json=body)
        by_admin = await guarded.api.put(
            f"{path}/password", json={"password": "chemistry1"}, headers=admin.headers
        )
        for answer in (by_code, by_admin):
            assert (answer.status_code, answer.json()["error"]) == REFUSED
        with capture_logs():
            command = ("set-password", person.email, "--password-stdin")
            result = await asyncio.to_thread(
                CliRunner().invoke,
                *(user, command, "chemistry1\n"),
                env={"MONGODB_URI": mongodb_uri, SETTING: "invite"},
            )
        assert REFUSED[1].lower() in f"{result.output} {result.exception}".lower()
        # The refusals have not used the code up.
        body["newPassword"] = NEW
        assert (await guarded.api.post("/auth/reset", json=body)).status_code == 200


async def test_name_of_a_class_of_others_is_a_password(guarded):
    teacher, stranger = [await guarded.person("teacher") for _ in range(2)]
    await class_of(guarded, "Chemistry", teacher)
    assert await change(guarded, stranger, "chemistry1") == (200, None)


async def test_with_open_registration_names_of_classes_are_passwords(server):
    teacher = await server.person("teacher")
    await class_of(server, "Chemistry", teacher)
    assert await change(server, teacher, "chemistry1") == (200, None)


async def test_names_are_those_of_rolls_in_another_system_too(serve):
    class Elsewhere:
        name = "elsewhere"

        def __init__(self):
            self.rolls = {}

        @hookimpl
        def roster(self, class_room):
            own = self.rolls.get(class_room.id)
            return Roll(frozenset({own} if own else ()))

        @hookimpl
        def classes_of(self, student_id):
            return [key for key, one in self.rolls.items() if one == student_id]

    plugin = Elsewhere()
    server = await serve(beside=[plugin])
    teacher, student = await server.person("teacher"), await server.person("student")
    keys = [await class_of(server, name, teacher) for name in ("Chemistry", "Biology")]
    plugin.rolls[keys[0]] = student.id
    classes = core(server.app).services.get(ClassService)
    assert await classes.names_of(student.id) == ["Chemistry"]
    assert sorted(await classes.names_of(teacher.id)) == ["Biology", "Chemistry"]
    assert await classes.names_of("no id") == []
