"""Every hook, with the example that the documentation shows, on a running server.

What becomes of implementations that are wrong is in ``test_broken_plugins.py``.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import jwt
import pytest
from bson import ObjectId
from pymongo.errors import DuplicateKeyError
from quart import Blueprint

from quartapp.database.outbox_entry import OutboxEntry
from quartapp.hooks.decisions import Allow, Deny
from quartapp.hooks.discovery import given, in_order
from quartapp.hooks.specs import hookimpl
from quartapp.hooks.static import Static
from quartapp.http.models import Body
from quartapp.http.operation import Operation
from quartapp.identity.access import PUBLIC, role
from quartapp.identity.principal import Identity
from quartapp.identity.roles import Role
from quartapp.parts import core
from quartapp.server.listening import ServerError
from quartapp.testing.servers import SECRET
from quartapp_auth import UserRegistered
from quartapp_classes import ClassChanged
from quartapp_classes.testing import class_room


class NamedForm(Body):
    name: str


def told(message):
    return {"event": "ERROR", "data": {"message": message}}


async def login(server, email, password):
    return await server.api.post("/auth/login", json={"email": email, "password": password})


async def test_register_settings_is_filled_from_the_file_and_the_environment(
    serve, example, monkeypatch, tmp_path
):
    (tmp_path / "quartapp.toml").write_text("[plugins.library]\nopens_at = 7\ncloses_at = 20\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("QUARTAPP_LIBRARY_CLOSES_AT", "22")
    library = example("register_settings").LibraryPlugin()
    await serve(beside=[library])
    assert (library.settings.opens_at, library.settings.closes_at) == (7, 22)


async def test_register_roles_adds_a_role_and_permissions_to_another(serve):
    class Library:
        name = "library"

        @hookimpl
        def register_roles(self):
            librarian = Role("librarian", {"class:create"}, label="Librarian")
            return [librarian, Role("student", {"students:read"})]

    server = await serve(beside=[Library])
    librarian, student = (
        await server.person("librarian"),
        await server.person("student"),
    )
    made = await server.api.post("/class", json={"className": "Reading"}, headers=librarian.headers)
    assert made.status_code == 201
    listed = await server.api.get("/class/students", headers=student.headers)
    assert listed.status_code == 200
    for path, person in (("/class/students", librarian), ("/class", student)):
        method = server.api.get if person is librarian else server.api.post
        answer = await method(path, headers=person.headers)
        assert (answer.status_code, answer.json()["error"]) == (
            403,
            "Forbidden, teacher access required",
        )


async def test_grant_lets_a_person_call_the_roll_of_one_class(serve, lesson, example, mark):
    assistants = example("grant").AssistantsPlugin()
    server = await serve(beside=[assistants])
    maths, physics = await lesson(server), await lesson(server)
    assistant = await server.person("assistant")
    start = {"json": {"classId": maths.class_id}, "headers": assistant.headers}
    refusal = (403, "Forbidden, teacher access required")
    answer = await server.api.post("/attendance/start", **start)
    assert (answer.status_code, answer.json()["error"]) == refusal
    assistants.assign(assistant.id, maths.class_id)
    assert (await server.api.post("/attendance/start", **start)).status_code == 200
    socket = await server.socket(assistant)
    data = {**mark(maths.students[0]), "classId": maths.class_id}
    assert (await socket.ask("ATTENDANCE_MARKED", data))["data"] == mark(maths.students[0])
    seen = await server.api.get("/attendance/session", headers=assistant.headers)
    assert seen.json()["data"]["attendance"] == {maths.students[0].id: "present"}
    for room, status in ((maths, 200), (physics, 403)):
        answer = await server.api.get(f"/class/{room.class_id}", headers=assistant.headers)
        assert answer.status_code == status
    other = await socket.ask("DONE", {"classId": physics.class_id})
    assert other == told("Forbidden, teacher event only")


async def test_grant_is_beaten_by_a_refusal_of_authorize(serve, lesson, example):
    class Closed:
        name = "closed"
        messages = ("Not today",)

        @hookimpl
        def authorize(self, action):
            return Deny("Not today") if action == "startAttendance" else None

    assistants = example("grant").AssistantsPlugin()
    server = await serve(beside=[assistants, Closed])
    maths, assistant = await lesson(server), await server.person("assistant")
    assistants.assign(assistant.id, maths.class_id)
    answer = await server.api.post(
        "/attendance/start", json={"classId": maths.class_id}, headers=assistant.headers
    )
    assert (answer.status_code, answer.json()["error"]) == (403, "Not today")


async def test_authorize_is_asked_of_strangers_too(serve):
    class Registrar:
        name = "registrar"
        messages = ("Ask the office",)
        requires = ("auth",)

        def __init__(self):
            self.strangers = []

        @hookimpl
        def authorize(self, principal, action, resource):
            if principal is None:
                self.strangers.append(action)
            refused = action == "registerUser" and resource["body"].role == "teacher"
            return Deny("Ask the office") if refused else None

    registrar = Registrar()
    server = await serve(extra_plugins=("assignment",), beside=[registrar])
    account = {"name": "Ada", "email": "ada@example.org", "password": "secret-1"}
    for path in ("/auth/register", f"{server.url}/auth/signup"):
        answer = await server.api.post(path, json={**account, "role": "teacher"})
        assert (answer.status_code, answer.json()["error"]) == (403, "Ask the office")
    assert (await server.api.get(f"{server.url}/healthz")).status_code == 200
    assert registrar.strangers == ["registerUser", "registerUser"]


async def test_register_services_and_register_collections_serve_commands_and_routes(serve, example):
    library = example("register_services")
    server = await serve(beside=[library.LibraryPlugin])
    service = core(server.app).services.get(library.LibraryService)
    await service.lend("Elements", "Ada")
    assert await service.lent_to("Ada") == ["Elements"]
    assert await service.lent_to("Ben") == []
    with pytest.raises(DuplicateKeyError):
        await service.lend("Elements", "Ben")


async def test_register_services_finds_those_of_the_plugins_that_it_requires(serve):
    class First:
        name = "zebra"

        @hookimpl
        def register_services(self, app):
            core(app).services.add(self)

    class Second:
        name = "aardvark"
        requires = ("zebra",)

        @hookimpl
        def register_services(self, app):
            self.found = core(app).services.get(First)

    first, second = First(), Second()
    await serve(in_order([given(second), given(first)]))
    assert second.found is first


async def test_register_socket_parameters_adds_a_documented_parameter(serve, example):
    server = await serve(beside=[example("register_socket_parameters").LibraryPlugin])
    student = await server.person("student")
    path = f"/ws?token={student.token}&shelf="
    told_of = await (await server.socket(path=f"{path}maths")).receive()
    assert told_of == {"event": "SHELF", "data": {"books": ["Elements"]}}
    unknown = await (await server.socket(path=f"{path}history")).receive()
    assert unknown == told("There is no such shelf")
    malformed = await (await server.socket(path=f"{path}2")).receive()
    assert malformed == told("Invalid message format")
    document = (await server.api.get(f"{server.url}/asyncapi.json")).json()
    query = next(iter(document["channels"].values()))["bindings"]["ws"]["query"]["properties"]
    assert query["shelf"]["pattern"] == "^[a-z]{1,20}$"


async def test_password_words_are_no_passwords_of_their_person(serve, example, monkeypatch):
    monkeypatch.setenv("QUARTAPP_AUTH_REGISTRATION", "invite")
    plugin = example("password_words").HousesPlugin()
    server = await serve(beside=[plugin])
    ada, grace = await server.person("student"), await server.person("student")
    plugin.houses[ada.id] = "Gryphon House"
    told = []
    for person in (ada, grace):
        body = {"password": person.password, "newPassword": "Gryphon-2026"}
        answer = await server.api.post("/auth/password", json=body, headers=person.headers)
        told.append((answer.status_code, answer.json().get("error")))
    refused = "Password is a word of the school, such as the name of a class"
    assert told == [(400, refused), (200, None)]


async def test_check_deletion_keeps_a_class_and_says_why(serve, lesson, example):
    library = example("check_deletion").LibraryPlugin()
    server = await serve(beside=[library])
    maths = await lesson(server)
    library.classes_with_books.add(maths.class_id)
    path, headers = f"/class/{maths.class_id}", maths.teacher.headers
    kept = await server.api.delete(path, headers=headers)
    assert (kept.status_code, kept.json()["error"]) == (409, "class has books of the library")
    library.classes_with_books.clear()
    assert (await server.api.delete(path, headers=headers)).status_code == 200


async def test_clear_class_deletes_dependent_data_before_the_class(serve, lesson, example):
    notes = example("clear_class")
    server = await serve(beside=[notes.NotesPlugin])
    maths, physics = await lesson(server), await lesson(server)
    service = core(server.app).services.get(notes.Notes)
    for class_id in (maths.class_id, physics.class_id):
        await service.write(class_id, "Bring a compass")
    path, headers = f"/class/{maths.class_id}", maths.teacher.headers
    assert (await server.api.delete(path, headers=headers)).status_code == 200
    assert await service.of(maths.class_id) == []
    assert await service.of(physics.class_id) == ["Bring a compass"]


async def test_members_changed_is_called_before_the_change_is_answered(serve, lesson, example):
    doors = example("members_changed")
    server = await serve(beside=[doors.DoorsPlugin])
    maths, physics = await lesson(server), await lesson(server)
    service = core(server.app).services.get(doors.DoorLists)
    for class_id in (maths.class_id, physics.class_id):
        await service.printed(class_id)
    path = f"/class/{maths.class_id}/students/{maths.students[0].id}"
    answer = await server.api.delete(path, headers=maths.teacher.headers)
    assert answer.status_code == 200
    assert await service.outdated() == [maths.class_id]


async def test_error_page_is_shown_in_place_of_the_core_s(serve, example):
    library = Blueprint("library", __name__, url_prefix="/library")

    @library.get("/desk")
    @Operation(id="showDesk", access=role("librarian"), tags=(), data=str, page=True)
    async def desk(principal):
        return "the desk"

    class Library(example("error_page").LibraryPlugin):
        @hookimpl
        def register_blueprints(self):
            return [library]

    server = await serve(beside=[Library])
    stranger, student = server.page(), server.page(await server.person("student"))
    answer = await stranger.get("/library/desk")
    assert (answer.status_code, answer.headers["location"]) == (303, "/library/sign-in")
    for path, shown in (
        ("/library/desk", (403, "<h1>Forbidden, librarian access required</h1>")),
        ("/library/<none>", (404, "<h1>Not Found</h1>")),
    ):
        answer = await student.get(path)
        assert (answer.status_code, answer.text) == shown
        assert "default-src 'none'" in answer.headers["content-security-policy"]
    answer = await student.client.delete("/library/desk")
    assert answer.status_code == 405
    assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD"}
    elsewhere = await student.get("/elsewhere")
    assert elsewhere.json() == {"success": False, "error": "Not Found"}


@pytest.mark.parametrize("broken", ["raises", "returns text"])
async def test_error_page_that_fails_gives_way_to_the_core_s(serve, broken):
    class Library:
        name = "library"

        @hookimpl
        def register_static(self):
            return [Static("/library/static", Path(__file__).parent)]

        @hookimpl
        async def error_page(self):
            if broken == "raises":
                raise OSError("no template")
            return "<h1>Not here</h1>"

    server = await serve(beside=[Library])
    answer = await server.page().get("/library/nothing")
    assert answer.status_code == 404
    assert "<h1>Not Found</h1>" in answer.text


async def test_authorize_gets_the_form_of_a_page_as_the_body_of_the_route_it_stands_for(serve):
    pages = Blueprint("pages", __name__)

    @pages.post("/library/register")
    @Operation(
        id="registerOnPage",
        action="registerUser",
        access=PUBLIC,
        tags=(),
        data=str,
        page=True,
        form=NamedForm,
    )
    async def register(form, errors):
        return "registered"

    class Library:
        name = "library"
        messages = ("Ask the office",)

        @hookimpl
        def register_blueprints(self):
            return [pages]

        @hookimpl
        def authorize(self, action, resource):
            refused = action == "registerUser" and resource["body"].name == "Eve"
            return Deny("Ask the office") if refused else None

    page = (await serve(beside=[Library])).page()
    assert (await page.submit("/library/register", name="Ada")).text == "registered"
    refused = await page.submit("/library/register", name="Eve")
    assert refused.status_code == 403
    assert "Ask the office" in refused.text


async def test_clear_class_that_fails_keeps_the_class(serve, lesson):
    class Fails:
        name = "fails"
        broken = True

        @hookimpl
        async def clear_class(self):
            if self.broken:
                raise OSError("no route to host")

    plugin = Fails()
    server = await serve(beside=[plugin])
    maths = await lesson(server)
    path, headers = f"/class/{maths.class_id}", maths.teacher.headers
    answer = await server.api.delete(path, headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (500, "Internal Server Error")
    assert (await server.api.get(path, headers=headers)).status_code == 200
    plugin.broken = False
    assert (await server.api.delete(path, headers=headers)).status_code == 200


async def test_members_changed_that_fails_is_told_and_the_change_stays(serve, lesson):
    class Fails:
        name = "fails"

        @hookimpl
        async def members_changed(self):
            raise OSError("no route to host")

    server = await serve(beside=[Fails()])
    teacher = await server.person("teacher")
    maths = await lesson(server, students=0, teacher=teacher)
    answer = await server.api.patch(
        f"/class/{maths.class_id}", json={"className": "Maths 2"}, headers=teacher.headers
    )
    assert (answer.status_code, answer.json()["error"]) == (500, "Internal Server Error")
    kept = await server.api.get(f"/class/{maths.class_id}", headers=teacher.headers)
    assert kept.json()["data"][0]["className"] == "Maths 2"


async def test_register_blueprints_adds_a_guarded_and_documented_route(serve, example):
    server = await serve(beside=[example("register_blueprints").LibraryPlugin])
    student = await server.person("student")
    answer = await server.api.get("/library/hours", headers=student.headers)
    assert answer.json() == {"success": True, "data": {"opensAt": 8, "closesAt": 18}}
    assert (await server.api.get("/library/hours")).json()["error"] == "please send jwt token"
    document = (await server.api.get(f"{server.url}/openapi.json")).json()
    documented = document["paths"]["/api/v1/library/hours"]["get"]
    assert documented["operationId"] == "getLibraryHours"


async def test_register_static_serves_the_files_of_a_folder(serve, example, tmp_path):
    (tmp_path / "library.css").write_text("p { color: blue }")
    server = await serve(beside=[example("register_static").LibraryPlugin(tmp_path)])
    answer = await server.page().get("/library/static/library.css")
    assert (answer.status_code, answer.text) == (200, "p { color: blue }")
    assert answer.headers["content-type"] == "text/css; charset=utf-8"
    document = (await server.api.get(f"{server.url}/openapi.json")).json()
    assert not [path for path in document["paths"] if path.startswith("/library")]


async def test_register_capabilities_tells_everybody_what_a_plugin_offers(serve, example):
    server = await serve(beside=[example("register_capabilities").LibraryPlugin])
    told = (await server.api.get("/capabilities")).json()["data"]
    assert told["features"]["library"] == {"reservations": True, "longestLoanDays": 28}
    assert told["features"]["attendance"] == {"scope": "global"}
    assert told["features"]["auth"] == {"registration": "open"}
    assert told["plugins"][:3] == ["auth", "classes", "attendance"]
    assert told["plugins"][-1] == "library"
    assert told["frames"] == [0, 1]


async def test_excuses_on_tells_the_list_of_absences_what_a_plugin_knows(serve, lesson, example):
    plugin = example("excuses_on").LettersPlugin()
    server = await serve(beside=[plugin])
    maths, admin = await lesson(server, students=2), await server.person("admin")
    day = core(server.app).local_day().isoformat()
    student, other = maths.students
    records = [{"studentId": one.id, "status": "absent"} for one in maths.students]
    await server.api.post(
        f"/class/{maths.class_id}/sessions",
        json={"date": day, "records": records},
        headers=maths.teacher.headers,
    )
    plugin.letters = {day: {student.id: "letter 7"}}
    answer = await server.api.get("/attendance/absences", headers=admin.headers)
    found = {one["studentId"]: one["excuse"] for one in answer.json()["data"]}
    assert found == {student.id: {"_id": "letter 7", "state": "accepted"}, other.id: None}


async def test_register_percentages_adds_a_rule_that_the_setting_chooses(
    serve, example, monkeypatch
):
    monkeypatch.setenv("QUARTAPP_REPORTS_RULE", "last-ten")
    server = await serve(beside=[example("register_percentages").LastTenPlugin])
    teacher, student = await server.person("teacher"), await server.person("student")
    room = await class_room(server, teacher, [student])
    for number in range(12):
        status = "present" if number else "absent"
        body = {"date": core(server.app).local_day().isoformat()}
        body["records"] = [{"studentId": student.id, "status": status}]
        path = f"/class/{room['_id']}"
        await server.api.post(f"{path}/sessions", json=body, headers=teacher.headers)
    answer = await server.api.get(f"{path}/report", headers=teacher.headers)
    told = answer.json()["data"]
    assert (told["rule"], told["sessions"]) == ("last-ten", 12)
    assert told["students"][0]["percentage"] == 100


async def test_register_warnings_adds_a_warning_that_is_raised_and_withdrawn(
    serve, example, eventually
):
    server = await serve(
        beside=[example("register_warnings").OftenLatePlugin], extra_plugins=("statuses",)
    )
    teacher, student = await server.person("teacher"), await server.person("student")
    path = f"/class/{(await class_room(server, teacher, [student]))['_id']}"

    async def enter(*statuses):
        for status in statuses:
            body = {"date": core(server.app).local_day().isoformat()}
            body["records"] = [{"studentId": student.id, "status": status}]
            await server.api.post(f"{path}/sessions", json=body, headers=teacher.headers)

    async def warnings():
        answer = await server.api.get(f"{path}/warnings", headers=teacher.headers)
        return [(one["studentId"], one["warning"]) for one in answer.json()["data"]["warnings"]]

    async def no_warnings():
        return not await warnings()

    await enter("late", "present", "present", "late")
    assert await eventually(warnings) == [(student.id, "often-late")]
    await enter("present", "present")
    await eventually(no_warnings)


async def test_register_sections_adds_an_entry_for_whom_it_concerns(serve, example):
    server = await serve(beside=[example("register_sections").LibraryPlugin])
    teacher, student = await server.person("teacher"), await server.person("student")
    today = (await server.page(teacher).get("/app/today")).text
    assert '<a href="/app/library">Library</a>' in today
    assert today.index("/app/today") < today.index("/app/library")
    assert "/app/library" not in (await server.page(student).get("/app/now")).text
    german = await server.page(teacher).client.get("/app/today", headers={"Accept-Language": "de"})
    assert '<a href="/app/library">Bücherei</a>' in german.text


async def test_register_events_adds_a_documented_event(serve, example):
    server = await serve(beside=[example("register_events").HandsPlugin])
    student, teacher = await server.person("student"), await server.person("teacher")
    watching, raising = await server.socket(teacher), await server.socket(student)
    await raising.send("RAISE_HAND", {"question": "Why?"})
    shown = {"event": "HAND_RAISED", "data": {"studentId": student.id, "question": "Why?"}}
    assert await watching.receive() == shown
    asked = await watching.ask("RAISE_HAND", {"question": "Why?"})
    assert asked == told("Forbidden, student event only")
    document = (await server.api.get(f"{server.url}/asyncapi.json")).json()
    assert {"RAISE_HAND", "HAND_RAISED"} <= {
        message["name"] for message in document["components"]["messages"].values()
    }


async def test_register_commands_adds_a_command(run_cli, installed, hook_examples, mongodb_uri):
    source = (hook_examples / "register_commands.py").read_text()
    path = installed("count", source, "CountPlugin")
    status, output, errors = await run_cli("count-people", PYTHONPATH=path, MONGODB_URI=mongodb_uri)
    assert (status, output) == (0, "0\n"), errors


async def test_verify_credentials_lets_people_of_another_system_in(serve, example):
    server = await serve(beside=[example("verify_credentials").DirectoryPlugin])
    answer = await login(server, "grace@navy.example", "cobol-60")
    headers = {"Authorization": f"Bearer {answer.json()['data']['token']}"}
    account = (await server.api.get("/auth/me", headers=headers)).json()["data"]
    assert (account["name"], account["role"]) == ("grace hopper", "teacher")
    again = await login(server, "grace@navy.example", "cobol-60")
    assert again.status_code == 200
    assert await server.documents["users"].count_documents({}) == 1


async def test_verify_credentials_refuses_recognised_bad_credentials(serve, example):
    server = await serve(beside=[example("verify_credentials").DirectoryPlugin])
    answer = await login(server, "grace@navy.example", "algol-60")
    assert (answer.status_code, answer.json()["error"]) == (400, "Invalid email or password")


async def test_verify_credentials_leaves_other_people_to_their_local_password(serve, example):
    server = await serve(beside=[example("verify_credentials").DirectoryPlugin])
    person = await server.person("student")
    assert (await login(server, person.email, person.password)).status_code == 200
    assert (await login(server, person.email, "another one")).status_code == 400


async def test_verify_credentials_stops_at_the_first_answer(serve):
    class Knows:
        def __init__(self, name):
            self.name = name
            self.asked = 0

        @hookimpl
        async def verify_credentials(self, email):
            self.asked += 1
            return Identity(email=email, name=self.name, role="student")

    first, second = Knows("alpha"), Knows("beta")
    server = await serve(beside=[second, first])
    assert (await login(server, "x@example.org", "password")).status_code == 200
    assert sorted((first.asked, second.asked)) == [0, 1]


@pytest.mark.parametrize("role", [None, "teacher"], ids=["left", "promoted"])
async def test_refresh_account_ends_the_tokens_of_a_changed_account(
    serve, example, turned_clock, role
):
    plugin = example("refresh_account").LeaversPlugin()
    server = await serve(beside=[plugin], clock=turned_clock)
    server.api.headers["Connection"] = "close"  # the turned clock ends those that are kept
    person = await server.person("student")
    plugin.roles[person.id] = "student"
    await turned_clock.advance(15 * 60)
    assert (await server.api.get("/auth/me", headers=person.headers)).status_code == 200
    plugin.roles[person.id] = role
    await turned_clock.advance(14 * 60)
    assert (await server.api.get("/auth/me", headers=person.headers)).status_code == 200
    await turned_clock.advance(60)
    assert (await server.api.get("/auth/me", headers=person.headers)).status_code == 401


async def test_authenticate_lets_a_program_in_by_its_key(serve, example):
    keys = example("authenticate")
    plugin = keys.ApiKeyPlugin("a good key", "0123456789abcdef01234567")
    server = await serve(beside=[plugin])
    good = await server.api.get("/class", headers={keys.HEADER: "a good key"})
    assert good.json() == {"success": True, "data": []}
    bad = await server.api.get("/class", headers={keys.HEADER: "a bad key"})
    assert (bad.status_code, bad.headers["WWW-Authenticate"]) == (401, "Bearer")
    nobody = await server.api.get("/class")
    assert nobody.json()["error"] == "please send jwt token"


async def test_authenticate_lets_a_socket_in_by_its_key(serve, example):
    keys = example("authenticate")
    plugin = keys.ApiKeyPlugin("a good key", "0123456789abcdef01234567")
    server = await serve(beside=[plugin])
    good = await server.socket(additional_headers={keys.HEADER: "a good key"}, path="/ws")
    assert await good.ask("DONE") == told("No active attendance session")
    bad = await server.socket(additional_headers={keys.HEADER: "a bad key"}, path="/ws")
    assert await bad.closed() == 1008


async def test_token_claims_are_in_the_token(serve, example):
    server = await serve(beside=[example("token_claims").CampusPlugin])
    person = await server.person("teacher")
    token = await server.sign_in(person.email, person.password)
    claims = jwt.decode(token, SECRET, algorithms=["HS256"])
    assert claims.keys() == {"id", "role", "ver", "jti", "iat", "exp", "iss", "campus"}
    assert (claims["id"], claims["campus"]) == (person.id, "example.org")


async def test_authorize_refuses_a_route_with_its_reason(serve, example):
    term = example("authorize").TermPlugin()
    server = await serve(beside=[term])
    teacher = await server.person("teacher")
    room = await class_room(server, teacher)
    answer = await server.api.delete(f"/class/{room['_id']}", headers=teacher.headers)
    reason = "Classes are kept until the end of the term"
    assert (answer.status_code, answer.json()["error"]) == (403, reason)
    term.in_term = False
    answer = await server.api.delete(f"/class/{room['_id']}", headers=teacher.headers)
    assert answer.status_code == 200


async def test_authorize_refuses_an_event_and_hears_its_data(serve):
    class NoSummary:
        name = "nosummary"
        messages = ("Not today",)
        heard = None

        @hookimpl
        def authorize(self, principal, action, resource):
            self.heard = (principal and principal.role, action, dict(resource))
            return Deny("Not today") if action == "TODAY_SUMMARY" else None

    policy = NoSummary()
    server = await serve(beside=[policy])
    socket = await server.socket(await server.person("teacher"))
    assert await socket.ask("TODAY_SUMMARY", {"more": 1}) == told("Not today")
    assert policy.heard == ("teacher", "TODAY_SUMMARY", {"more": 1})


async def test_authorize_refuses_when_one_plugin_denies_and_others_allow(serve):
    class Says:
        messages = ("No",)

        def __init__(self, name, decision):
            self.name = name
            self.decision = decision

        @hookimpl
        async def authorize(self, action):
            return self.decision if action == "listClasses" else None

    server = await serve(beside=[Says("a", Allow()), Says("b", Deny("No")), Says("c", Allow())])
    teacher = await server.person("teacher")
    answer = await server.api.get("/class", headers=teacher.headers)
    assert (answer.status_code, answer.json()["error"]) == (403, "No")


async def test_roster_of_another_system_decides_the_markable_students(serve, example, lesson, mark):
    system = example("roster").InformationSystemPlugin()
    server = await serve(beside=[system])
    roll_call = await lesson(server, students=1)
    guest = await server.person("student")
    await roll_call.start()
    socket = await server.socket(roll_call.teacher)
    own = roll_call.students[0]
    assert await socket.ask("ATTENDANCE_MARKED", mark(guest)) == told(
        "Student not enrolled in class"
    )
    system.rolls[roll_call.class_id] = {guest.id}
    shown = await socket.ask("ATTENDANCE_MARKED", mark(guest))
    assert shown == {"event": "ATTENDANCE_MARKED", "data": mark(guest)}
    assert await socket.ask("ATTENDANCE_MARKED", mark(own)) == told("Student not enrolled in class")
    done = await socket.ask("DONE")
    assert (done["data"]["present"], done["data"]["total"]) == (1, 1)


async def test_roster_and_classes_of_decide_the_roll_everywhere(serve, example, lesson):
    system = example("roster").InformationSystemPlugin()
    server = await serve(beside=[system])
    maths = await lesson(server, students=1)
    (former,) = maths.students
    guest = await server.person("student")
    system.rolls[maths.class_id] = {guest.id}

    async def get(path, person):
        answer = await server.api.get(path, headers=person.headers)
        return answer.status_code, answer.json()

    status, seen = await get(f"/class/{maths.class_id}", guest)
    assert status == 200
    assert [student["email"] for student in seen["data"][0]["studentsIds"]] == [guest.email]
    for person, classes in (
        (guest, [maths.class_id]),
        (former, []),
        (maths.teacher, [maths.class_id]),
    ):
        _, listed = await get("/class", person)
        assert [one["_id"] for one in listed["data"]] == classes
    _, listed = await get("/class", maths.teacher)
    assert listed["data"][0]["studentsIds"] == [guest.id]
    path = f"/attendance/{maths.class_id}/my-attendance"
    assert (await get(path, guest))[0] == 200
    assert (await get(path, former))[0] == 403
    assert (await get(f"/class/{maths.class_id}", former))[0] == 404
    await maths.start()
    socket = await server.socket(guest)
    assert (await socket.ask("MY_ATTENDANCE"))["data"] == {"status": "not yet updated"}
    assert (await get("/attendance/session", guest))[0] == 200
    assert (await get("/attendance/session", former))[0] == 404


async def test_final_status_decides_the_status_of_unmarked_students(serve, example, lesson, mark):
    excuses = example("final_status").ExcusesPlugin()
    server = await serve(beside=[excuses])
    maths = await lesson(server, students=3)
    here, excused, away = maths.students
    excuses.excused |= {excused.id, here.id}
    await maths.start()
    socket = await server.socket(maths.teacher)
    await socket.ask("ATTENDANCE_MARKED", mark(here))
    done = await socket.ask("DONE")
    assert (done["data"]["present"], done["data"]["absent"]) == (1, 2)
    assert await maths.records() == ["present", "excused", "absent"]
    kept = await server.documents["attendance"].find({}).to_list()
    ways = {str(record["studentId"]): record.get("via") for record in kept}
    assert ways == {here.id: None, excused.id: "unmarked", away.id: "unmarked"}


async def test_final_status_that_fails_leaves_the_student_absent(serve, lesson):
    class Broken:
        name = "broken"

        @hookimpl
        def final_status(self, student_id):
            raise RuntimeError("a bug in a plugin")

    server = await serve(beside=[Broken])
    maths = await lesson(server, students=1)
    await maths.start()
    socket = await server.socket(maths.teacher)
    assert (await socket.ask("DONE"))["data"]["absent"] == 1
    assert await maths.records() == ["absent"]


async def test_register_audiences_selects_the_viewers_of_a_broadcast(serve, example, lesson, mark):
    tutors = example("register_audiences").TutorsPlugin()
    servers = [await serve(beside=[tutors]) for _ in range(2)]
    maths = await lesson(servers[0], students=2)
    tutor = await servers[0].person("teacher")
    tutors.tutors[maths.class_id] = {tutor.id}
    await maths.start()
    teacher = await servers[0].socket(maths.teacher)
    watching = [
        await server.socket(person) for server in servers for person in (tutor, *maths.students)
    ]
    await teacher.send("ATTENDANCE_MARKED", mark(maths.students[0]))
    await teacher.send("TELL_TUTORS", {"text": "A quiet word"})
    await teacher.ask("TODAY_SUMMARY")
    await teacher.until("TODAY_SUMMARY")
    for socket, concerned in zip(watching, (True, False, False) * 2, strict=True):
        await socket.until("TODAY_SUMMARY")
        names = [frame["event"] for frame in socket.history]
        assert ("TUTORS_TOLD" in names) is concerned
        assert names[-1] == "TODAY_SUMMARY"


async def test_check_mark_hears_of_the_mark_before(serve, lesson, mark):
    class Listens:
        name = "listens"

        def __init__(self):
            self.heard = []

        @hookimpl
        def check_mark(self, mark, before):
            self.heard.append((before and (before.status, before.by), mark.status))

    plugin = Listens()
    server = await serve(beside=[plugin])
    maths = await lesson(server, students=1)
    (student,) = maths.students
    await maths.start()
    socket = await server.socket(maths.teacher)
    await socket.ask("ATTENDANCE_MARKED", mark(student))
    await socket.ask("ATTENDANCE_MARKED", mark(student, "absent"))
    assert plugin.heard == [(None, "present"), (("present", maths.teacher.id), "absent")]


async def test_register_statuses_adds_a_status_that_counts(serve, example, lesson, mark):
    server = await serve(beside=[example("register_statuses").RemotePlugin])
    roll_call = await lesson(server, students=1)
    await roll_call.start()
    socket = await server.socket(roll_call.teacher)
    shown = await socket.ask("ATTENDANCE_MARKED", mark(roll_call.students[0], "remote"))
    assert shown["data"]["status"] == "remote"
    counted = (await socket.ask("TODAY_SUMMARY"))["data"]
    assert counted["statuses"] == {"present": 0, "absent": 0, "remote": 1}
    assert counted["present"] == 1


async def test_check_mark_refuses_with_its_message_and_stores_nothing(serve, example, lesson, mark):
    plugin = example("check_mark").LessonPlugin()
    server = await serve(beside=[plugin])
    roll_call = await lesson(server, students=1)
    await roll_call.start()
    socket = await server.socket(roll_call.teacher)
    plugin.lasts = timedelta(0)
    refusal = await socket.ask("ATTENDANCE_MARKED", mark(roll_call.students[0]))
    assert refusal == told("The lesson is over")
    assert (await roll_call.session())["attendance"] == {}
    plugin.lasts = timedelta(minutes=45)
    shown = await socket.ask("ATTENDANCE_MARKED", mark(roll_call.students[0]))
    assert shown["event"] == "ATTENDANCE_MARKED"


async def test_attendance_status_stores_another_status(serve, example, lesson, mark):
    plugin = example("attendance_status").BellPlugin()
    server = await serve(beside=[plugin])
    roll_call = await lesson(server, students=2)
    early, tardy = roll_call.students
    await roll_call.start()
    socket = await server.socket(roll_call.teacher)
    shown = await socket.ask("ATTENDANCE_MARKED", mark(early))
    assert shown["data"]["status"] == "present"
    plugin.grace = timedelta(0)
    shown = await socket.ask("ATTENDANCE_MARKED", mark(tardy))
    assert shown["data"]["status"] == "absent"
    assert (await roll_call.session())["attendance"] == {early.id: "present", tardy.id: "absent"}
    # The teacher has the last word: the mark before is there now.
    shown = await socket.ask("ATTENDANCE_MARKED", mark(tardy))
    assert shown["data"]["status"] == "present"


async def test_on_event_reports_stored_changes(serve, example, lesson, mark):
    plugin = example("on_event").ParentsPlugin()
    server = await serve(beside=[plugin])
    roll_call = await lesson(server, students=2)
    await roll_call.start()
    socket = await server.socket(roll_call.teacher)
    here, away = roll_call.students
    await socket.ask("ATTENDANCE_MARKED", mark(here))
    await socket.ask("ATTENDANCE_MARKED", mark(away, "absent"))
    await socket.drain()
    await server.settled()
    assert plugin.to_write == [away.id]


async def test_on_events_gets_what_happens_together_in_one_call(serve, example):
    plugin = example("on_events").CardsPlugin()
    server = await serve(beside=[plugin])
    people = [UserRegistered(str(number), "student") for number in range(3)]
    await core(server.app).plugins.on_events([*people, ClassChanged("1")])
    person = await server.person("student")
    await core(server.app).plugins.on_events([])
    await server.settled()
    assert plugin.orders == [["0", "1", "2"], [person.id]]


async def test_on_events_and_on_event_share_what_happens(serve):
    class Audit:
        def __init__(self, name):
            self.name = name
            self.heard = []

    class Single(Audit):
        @hookimpl
        def on_event(self, event):
            self.heard.append(event)

    class Both(Single):
        @hookimpl
        def on_events(self, events):
            self.heard.append(list(events))

    single, both = Single("single"), Both("both")
    server = await serve(beside=[single, both])
    plugins = core(server.app).plugins
    first, second = ClassChanged("1"), ClassChanged("2")
    await plugins.on_events([first, second])
    await plugins.on_events([first])
    await plugins.on_event(second)
    await server.settled()
    assert single.heard == [first, second, first, second]
    assert both.heard == [[first, second], first, second]


async def test_on_events_that_fails_keeps_no_other_plugin_from_hearing(serve):
    class Failing:
        name = "failing"

        @hookimpl
        def on_events(self, events):
            raise OSError("no route to host")

    class Heard:
        name = "heard"

        def __init__(self):
            self.events = []

        @hookimpl
        async def on_events(self, events):
            self.events += events

    heard = Heard()
    server = await serve(beside=[Failing(), heard])
    await core(server.app).plugins.on_events([ClassChanged("1"), ClassChanged("2")])
    await server.settled()
    assert heard.events == [ClassChanged("1"), ClassChanged("2")]


class Gradebook:
    """Another system, which may be out of reach, and recognises what it has."""

    def __init__(self):
        self.results = {}
        self.down = False

    async def put(self, class_id, result):
        if self.down:
            raise OSError("no route to host")
        self.results[result["id"]] = (class_id, result["present"], result["absent"])


async def test_outbox_entries_and_deliver_reach_a_system_that_was_away(
    serve, example, lesson, mark, eventually
):
    gradebook = Gradebook()
    gradebook.down = True
    server = await serve(beside=[example("outbox_entries").GradebookPlugin(gradebook)])
    maths = await lesson(server, students=2)
    await maths.start()
    socket = await server.socket(maths.teacher)
    await socket.ask("ATTENDANCE_MARKED", mark(maths.students[0]))
    await socket.ask("DONE")
    session = await server.documents["sessions"].find_one({})

    async def tried():
        return await server.documents["outbox"].find_one({"attempts": {"$gte": 1}})

    entry = await eventually(tried)
    assert (entry["kind"], entry["key"]) == ("gradebook", maths.class_id)
    gradebook.down = False

    async def arrived():
        return gradebook.results

    assert await eventually(arrived) == {str(session["_id"]): (maths.class_id, 1, 1)}


async def a_class_from_beginning_to_end(server, lesson, mark):
    """Make everything happen once that bundled plugins tell of."""
    roll_call = await lesson(server, students=1)
    teacher, class_id = roll_call.teacher, roll_call.class_id
    await roll_call.start()
    socket = await server.socket(teacher)
    await socket.ask("ATTENDANCE_MARKED", mark(roll_call.students[0]))
    await socket.ask("DONE")
    await socket.drain()
    path = f"/class/{class_id}"
    await server.api.patch(path, json={"className": "Another"}, headers=teacher.headers)
    gone = f"{path}/students/{roll_call.students[0].id}"
    await server.api.delete(gone, headers=teacher.headers)
    await server.api.delete(path, params={"records": "delete"}, headers=teacher.headers)
    await server.settled()


async def test_outbox_entries_are_asked_for_every_event_before_it_happens(
    serve, lesson, mark, eventually
):
    class Audit:
        name = "audit"

        def __init__(self):
            self.asked, self.heard, self.delivered = [], [], []

        @hookimpl
        def outbox_entries(self, event):
            self.asked.append(event)
            return [OutboxEntry("audit", "all", {"event": type(event).__name__})]

        @hookimpl
        async def deliver(self, data):
            self.delivered.append(data["event"])

        @hookimpl
        def on_event(self, event):
            self.heard.append(event)

    audit = Audit()
    server = await serve(beside=[audit])
    await a_class_from_beginning_to_end(server, lesson, mark)
    assert audit.asked == audit.heard
    assert len(audit.heard) == 10

    async def none_waits():
        return await server.documents["outbox"].count_documents({}) == 0

    await eventually(none_waits)
    assert audit.delivered == [type(event).__name__ for event in audit.heard]


async def test_outbox_entries_that_fail_refuse_the_change(serve):
    class Failing:
        name = "failing"

        @hookimpl
        def outbox_entries(self, event):
            return ["no entry"]

        @hookimpl
        def deliver(self):
            pass

    server = await serve(beside=[Failing])
    body = {"name": "Ada", "email": "ada@x.example", "password": "secret-1234", "role": "student"}
    answer = await server.api.post("/auth/register", json=body)
    assert (answer.status_code, answer.json()["error"]) == (500, "Internal Server Error")
    assert await server.documents["users"].count_documents({}) == 0


async def test_on_event_hears_of_everything_once_and_in_order(serve, lesson, mark):
    class Audit:
        name = "audit"

        def __init__(self):
            self.heard = []

        @hookimpl
        def on_event(self, event):
            self.heard.append(type(event).__name__)

    audit = Audit()
    server = await serve(beside=[audit])
    await a_class_from_beginning_to_end(server, lesson, mark)
    assert audit.heard == [
        *("UserRegistered", "UserRegistered", "ClassCreated", "StudentAdded"),
        *("SessionStarted", "AttendanceMarked", "SessionDone"),
        *("ClassChanged", "StudentRemoved", "ClassDeleted"),
    ]


async def test_startup_and_shutdown_surround_serving(mongodb_uri, example):
    from quartapp.app import create_app
    from quartapp.hooks.discovery import discover
    from quartapp.settings.core import load_settings
    from quartapp.testing.servers import running

    plugin = example("startup").GradebookPlugin()
    settings = load_settings(mongodb_uri=mongodb_uri, jwt_secret=SECRET)
    async with running(create_app(settings, [*discover(), plugin])):
        assert not plugin.client.is_closed
    assert plugin.client.is_closed


async def test_startup_that_fails_stops_the_server_and_the_started_plugins(serve):
    class Careful:
        name = "careful"
        open = None

        @hookimpl
        def startup(self, app):
            self.open = True

        @hookimpl
        def shutdown(self, app):
            self.open = False

    class Fails:
        name = "fails"
        requires = ("careful",)

        @hookimpl
        async def startup(self):
            raise OSError("no route to host")

    careful = Careful()
    said = r"plugin fails \(given\): startup failed: OSError: no route to host"
    with pytest.raises(ServerError, match=said):
        await serve([careful, Fails])
    assert careful.open is False


async def test_shutdown_runs_in_reverse_and_a_failure_stops_no_other(mongodb_uri):
    import structlog

    from quartapp.app import create_app
    from quartapp.settings.core import load_settings
    from quartapp.testing.servers import running

    closed = []

    class Closes:
        def __init__(self, name, fails=False):
            self.name = name
            self.fails = fails

        @hookimpl
        async def shutdown(self):
            closed.append(self.name)
            if self.fails:
                raise RuntimeError("already gone")

    plugins = [Closes("one"), Closes("two", fails=True), Closes("three")]
    settings = load_settings(mongodb_uri=mongodb_uri, jwt_secret=SECRET)
    with structlog.testing.capture_logs() as logs:
        async with running(create_app(settings, plugins)):
            pass
    assert closed == ["three", "two", "one"]
    failures = [line for line in logs if line["event"] == "hook failed"]
    assert [(line["hook"], line["plugin"]) for line in failures] == [("shutdown", "two (given)")]


async def test_personal_data_is_in_the_export_of_the_person_alone(serve, example):
    server = await serve(beside=[example("personal_data").LibraryPlugin])
    reader, other = await server.people("student", 2)
    loan = {"_id": "moby-dick", "readerId": ObjectId(reader.id)}
    await server.documents["loans"].insert_one(loan)
    for person, loans in ((reader, [{**loan, "readerId": reader.id}]), (other, [])):
        answer = await server.api.get("/me/export", headers=person.headers)
        assert answer.json()["data"]["kept"]["library"] == {"loans": loans}


async def test_erase_person_forgets_what_a_plugin_keeps_of_the_person_alone(serve, example):
    server = await serve(beside=[example("erase_person").LibraryPlugin])
    reader, other = await server.people("student", 2)
    root = await server.person("admin")
    wishes = server.documents["wishes"]
    for person in (reader, reader, other):
        await wishes.insert_one({"readerId": ObjectId(person.id)})
    for body, left in (({"dryRun": True}, 3), ({}, 1)):
        answer = await server.api.post(
            f"/admin/people/{reader.id}/erase", json=body, headers=root.headers
        )
        assert answer.json()["data"]["erased"]["library"] == {"wishes": 2}
        assert await wishes.count_documents({}) == left
