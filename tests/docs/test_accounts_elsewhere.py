"""Accounts in another store, and another plugin in place of the bundled one, as the how-to says."""

from __future__ import annotations

from pathlib import Path

import pytest

from quartapp import Identity, QuartappError, core, load_settings
from quartapp.cli.contract_check import check
from quartapp.hooks.discovery import discover, given, in_order
from quartapp_auth import EmailTakenError, UserService

HOW_TO = Path(__file__).parent.parent.parent / "docs" / "examples" / "howto"
MANIFEST = "propertyName,value\nmanifest.version,1.0\noneroster.version,1.1\nfile.users,bulk\n"
USERS = """\
sourcedId,status,dateLastModified,enabledUser,orgSourcedIds,role,username,userIds,givenName,\
familyName,middleName,identifier,email,sms,phone,agentSourcedIds,grades,password
1,,,true,,student,,,Grace,Hopper,,,grace@school.example,,,,,
"""
UNAUTHORIZED = {"event": "ERROR", "data": {"message": "Unauthorized or invalid token"}}


@pytest.fixture
def office(example, monkeypatch, tmp_path):
    """The plugin that keeps accounts in SQLite; its file is in the test's folder."""
    monkeypatch.setenv("QUARTAPP_PERSONNEL_FILE", str(tmp_path / "office.db"))
    return example("accounts_elsewhere", HOW_TO).OfficePlugin


@pytest.fixture
def registry(example):
    """The plugin that stands for auth."""
    return example("own_accounts", HOW_TO).RegistryPlugin


@pytest.mark.parametrize("elsewhere", ["office", "registry"])
async def test_a_roll_is_called_with_accounts_kept_elsewhere(
    serve, lesson, mark, elsewhere, request
):
    server = await serve(beside=[request.getfixturevalue(elsewhere)])
    maths = await lesson(server)
    ada, grace = maths.teacher, maths.students[0]
    twice = {"name": "Ada", "email": ada.email, "password": "secret1", "role": "teacher"}
    answer = await server.api.post("/auth/register", json=twice)
    assert (answer.status_code, answer.json()["error"]) == (403, "Email already exists")
    for password, status in ((ada.password, 200), ("wrong password", 400)):
        body = {"email": ada.email, "password": password}
        assert (await server.api.post("/auth/login", json=body)).status_code == status
    body = {"email": "nobody@example.org", "password": "secret1"}
    assert (await server.api.post("/auth/login", json=body)).status_code == 404
    headers = {"Authorization": f"Bearer {await server.sign_in(ada.email, ada.password)}"}
    me = (await server.api.get("/auth/me", headers=headers)).json()["data"]
    assert (me["_id"], me["email"], me["role"]) == (ada.id, ada.email, "teacher")
    listed = await server.api.get("/class/students?search=STUDENT&limit=1", headers=headers)
    first = min(student.id for student in maths.students)
    assert [one["_id"] for one in listed.json()["data"]] == [first]
    shown = (await server.api.get(f"/class/{maths.class_id}", headers=headers)).json()["data"]
    assert [one["name"] for one in shown[0]["studentsIds"]] == [one.name for one in maths.students]
    await maths.start()
    socket = await server.socket(ada)
    assert (await socket.ask("ATTENDANCE_MARKED", mark(grace)))["data"] == mark(grace)
    assert (await socket.ask("DONE"))["event"] == "DONE"
    assert await maths.records() == ["present", "absent"]
    assert await server.documents["users"].count_documents({}) == 0


async def test_sockets_end_with_accounts_of_another_store(serve, office, turned_clock):
    server = await serve(beside=[office], clock=turned_clock)
    server.api.headers["Connection"] = "close"  # the turned clock ends those that are kept
    person = await server.person("teacher")
    socket = await server.socket(person)
    await core(server.app).services.get(UserService).revoke(person.id)
    await turned_clock.asked(1)
    await turned_clock.advance(1)
    assert await socket.receive() == UNAUTHORIZED
    assert await socket.closed() == 1008
    answer = await server.api.get("/auth/me", headers=person.headers)
    assert answer.status_code == 401


async def test_another_system_signs_people_in_to_another_store(serve, office):
    users = core((await serve(beside=[office])).app).services.get(UserService)
    ada = {"issuer": "https://idp.example", "subject": "1815", "email_verified": True}
    made = await users.sign_in(
        Identity(**ada, email="ada@example.org", name="Ada", role="student", groups={"a", "b"})
    )
    again = await users.sign_in(Identity(**ada, email="lovelace@example.org", role="teacher"))
    assert (again.id, again.email, again.role) == (made.id, "lovelace@example.org", "teacher")
    assert (made.groups, again.groups, again.ver) == (("a", "b"), (), 1)


@pytest.fixture
def on_the_command_line(installed, mongodb_uri, tmp_path):
    """The environment of a command with the office's plugin installed."""
    return {
        "PYTHONPATH": installed(
            "personnel", (HOW_TO / "accounts_elsewhere.py").read_text(), "OfficePlugin"
        ),
        "MONGODB_URI": mongodb_uri,
        "JWT_SECRET": "s" * 32,
        "QUARTAPP_PERSONNEL_FILE": str(tmp_path / "office.db"),
    }


async def test_commands_change_accounts_of_another_store(
    serve, run_cli, office, on_the_command_line
):
    server = await serve(beside=[office])
    person = await server.person("student", name="Grace")
    disabled = await run_cli("user", "disable", person.email, **on_the_command_line)
    assert disabled == (0, f"{person.email} is disabled.\n", "")
    body = {"email": person.email, "password": person.password}
    assert (await server.api.post("/auth/login", json=body)).status_code == 400


async def test_an_import_refuses_to_fill_a_store_that_nobody_reads(
    run_cli, tmp_path, on_the_command_line
):
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "manifest.csv").write_text(MANIFEST)
    (tmp_path / "set" / "users.csv").write_text(USERS)
    status, _, said = await run_cli(
        "roster", "import", "set", QUARTAPP_EXTRA_PLUGINS="oneroster", **on_the_command_line
    )
    assert status == 2
    assert "a plugin keeps the accounts elsewhere, and OneRoster sets are imported" in said


async def test_a_plugin_in_place_of_auth_keeps_to_the_contract_as_far_as_it_goes(registry):
    plugins = in_order([*discover(), given(registry)])
    assert [plugin.name for plugin in plugins][:3] == ["registry", "classes", "attendance"]
    report = check(load_settings(), plugins)
    assert report.drift == tuple(
        f"{operation}: this configuration does not have it"
        for operation in (
            "DELETE /api/v1/admin/invitations/{invitation_id}",
            "GET /api/v1/admin/audit",
            "GET /api/v1/admin/invitations",
            "GET /api/v1/admin/people/{user_id}",
            "GET /api/v1/admin/people",
            "GET /app/account",
            "GET /app/classes/",
            "GET /app/classes/new",
            "GET /app/classes/{class_id}",
            *(f"GET /app/{page}" for page in ("forgotten", "invitation", "office/audit")),
            "GET /app/people/",
            "GET /app/people/invitations",
            "GET /app/people/invite",
            "GET /app/people/{user_id}",
            *(f"GET /app/{page}" for page in ("reset", "setup")),
            "POST /api/v1/admin/invitations",
            "POST /api/v1/admin/people/{user_id}/disable",
            "POST /api/v1/admin/people/{user_id}/enable",
            "POST /api/v1/admin/people/{user_id}/erase",
            "POST /api/v1/admin/people/{user_id}/reset",
            "POST /api/v1/admin/people/{user_id}/revoke",
            "POST /api/v1/admin/people",
            "POST /api/v1/auth/forgot",
            "POST /api/v1/auth/logout-all",
            "POST /api/v1/auth/logout",
            "POST /api/v1/auth/password",
            "POST /api/v1/auth/refresh",
            "POST /api/v1/auth/reset",
            "POST /api/v1/auth/setup",
            "POST /api/v1/auth/ticket",
            "POST /app/account/password",
            "POST /app/account/sign-out-everywhere",
            "POST /app/classes/new",
            *(
                f"POST /app/classes/{{class_id}}/{change}"
                for change in (
                    *("credentials", "delete", "meetings/remove", "meetings"),
                    *("name", "roll/remove", "roll"),
                    *("teachers/remove", "teachers"),
                )
            ),
            *(f"POST /app/{page}" for page in ("forgotten", "invitation", "office/audit/verify")),
            "POST /app/people/invitations/{invitation_id}/again",
            "POST /app/people/invitations/{invitation_id}/withdraw",
            "POST /app/people/invite",
            *(
                f"POST /app/people/{{user_id}}/{change}"
                for change in ("disable", "enable", "reset", "revoke", "role")
            ),
            *(f"POST /app/{page}" for page in ("reset", "setup")),
            "PUT /api/v1/admin/people/{user_id}/password",
            "PUT /api/v1/admin/people/{user_id}/role",
        )
    )


async def test_a_plugin_that_needs_more_of_auth_says_so_at_the_start(serve, registry):
    with pytest.raises(QuartappError, match=r"plugin assignment .*no service quartapp_auth"):
        await serve(beside=[registry], extra_plugins=("assignment",))


async def test_store_of_the_how_to_has_usernames(serve, office):
    server = await serve(beside=[office])
    users = core(server.app).services.get(UserService)
    pupil = await users.register("Ann", None, "secret1", "student", username="Ann.One")
    with pytest.raises(EmailTakenError):
        await users.register("Another", None, "secret1", "student", username="ANN.ONE")
    body = {"username": "ann.one", "password": "secret1"}
    token = (await server.api.post("/auth/login", json=body)).json()["data"]["token"]
    headers = {"Authorization": f"Bearer {token}"}
    me = (await server.api.get("/auth/me", headers=headers)).json()["data"]
    assert (me["_id"], me["email"]) == (str(pupil.id), None)
