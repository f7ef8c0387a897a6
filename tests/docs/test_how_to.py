"""The longer examples of the how-to guides, on a running server."""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import jwt
import pytest

from quartapp import core
from quartapp_classes.testing import class_room

HOW_TO = Path(__file__).parent.parent.parent / "docs" / "examples" / "howto"
KEY = "the key of the school's sign-on service"


class Directory:
    """A stand-in for the example's LDAP directory."""

    def __init__(self):
        self.password = "cobol-60"
        self.entry = {
            "uid": "g.hopper",
            "mail": "grace@school.example",
            "name": "Grace",
            "role": "teacher",
            "groups": ["compilers"],
        }
        self.down = False

    async def bind(self, email, password):
        self._reach()
        return self.entry if (email, password) == (self.entry["mail"], self.password) else None

    async def find(self, uid):
        self._reach()
        return self.entry if self.entry and uid == self.entry["uid"] else None

    def _reach(self):
        if self.down:
            raise ConnectionRefusedError("nobody listens")


@pytest.fixture
async def school(serve, example, monkeypatch, turned_clock):
    monkeypatch.setenv("QUARTAPP_SCHOOL_SSO_KEY", KEY)
    module = example("school_sign_on", HOW_TO)
    plugin = module.SchoolPlugin(Directory())
    server = await serve(beside=[plugin], clock=turned_clock)
    server.directory, server.clock = plugin._directory, turned_clock
    # The server takes a connection that is kept while the clock is turned for a silent one.
    server.api.headers["Connection"] = "close"
    return module, server


async def login(server, email, password):
    return await server.api.post("/auth/login", json={"email": email, "password": password})


def token(issuer, uid, key=KEY):
    claims = {"iss": issuer, "uid": uid, "exp": time.time() + 60}
    return {"X-School-Token": jwt.encode(claims, key, algorithm="HS256")}


async def test_the_directory_decides_for_its_domain_alone(school):
    _, server = school
    assert (await login(server, "grace@school.example", "cobol-60")).status_code == 200
    assert (await login(server, "grace@school.example", "algol-60")).status_code == 400
    other = await server.person("student")
    assert (await login(server, other.email, other.password)).status_code == 200


async def test_token_of_the_sign_on_service_is_accepted(school):
    module, server = school
    await login(server, "grace@school.example", "cobol-60")
    headers = token(module.ISSUER, "g.hopper")
    answer = await server.api.get("/auth/me", headers=headers)
    assert answer.json()["data"]["name"] == "grace"
    socket = await server.socket(path="/ws", additional_headers=headers)
    assert (await socket.ask("DONE"))["data"]["message"] == "No active attendance session"


@pytest.mark.parametrize("fault", ["key", "issuer", "nobody"])
async def test_a_bad_token_of_the_sign_on_service_is_refused(school, fault):
    module, server = school
    await login(server, "grace@school.example", "cobol-60")
    issuer = "https://elsewhere.example" if fault == "issuer" else module.ISSUER
    uid = "nobody" if fault == "nobody" else "g.hopper"
    key = KEY[::-1] if fault == "key" else KEY
    answer = await server.api.get("/auth/me", headers=token(issuer, uid, key))
    assert answer.status_code == 401


async def test_assistants_call_the_roll_and_do_nothing_else(serve, lesson, mark, example):
    server = await serve(beside=[example("assistants", HOW_TO).AssistantsPlugin])
    maths, colleague = await lesson(server), await server.person("assistant")
    class_url = f"/class/{maths.class_id}"
    assisting = f"{class_url}/assistants/{colleague.id}"

    async def status(method, path, person, **more):
        return (await server.api.request(method, path, headers=person.headers, **more)).status_code

    start = {"json": {"classId": maths.class_id}}
    assert await status("POST", "/attendance/start", colleague, **start) == 403
    assert await status("PUT", assisting, colleague) == 403
    assert await status("PUT", assisting, maths.teacher) == 200
    assert await status("GET", class_url, colleague) == 200
    assert await status("POST", "/attendance/start", colleague, **start) == 200
    assert await status("PATCH", class_url, colleague, json={"className": "Mine"}) == 403
    socket = await server.socket(colleague)
    marked, named = mark(maths.students[0]), {"classId": maths.class_id}
    assert (await socket.ask("ATTENDANCE_MARKED", marked | named))["data"] == marked
    assert (await socket.ask("DONE", named))["event"] == "DONE"
    assert await status("DELETE", assisting, maths.teacher) == 200
    assert await status("GET", class_url, colleague) == 403
    assert await status("POST", "/attendance/start", colleague, **start) == 403


async def test_guests_sign_a_book_whose_form_is_shown_again_when_it_does_not_fit(serve, example):
    server = await serve(beside=[example("pages", HOW_TO).GuestsPlugin])
    page = server.page()
    signed = await page.submit("/guests/book", name="<Ada>", guests="2")
    assert (signed.status_code, signed.headers["location"]) == (303, "/guests/book")
    assert "<li>&lt;Ada&gt;, 2</li>" in (await page.follow(signed)).text
    again = await page.submit("/guests/book", name='"Bob"', guests="21")
    assert again.status_code == 422
    assert "guests: Input should be less than or equal to 20" in again.text
    assert 'value="&quot;Bob&quot;"' in again.text
    assert "Bob" not in (await page.get("/guests/book")).text
    long = await page.submit("/guests/book", name="x" * 5000, guests="1")
    assert (long.status_code, long.headers["content-type"]) == (413, "text/html; charset=utf-8")
    document = (await server.api.get(f"{server.url}/openapi.json")).json()
    sign = document["paths"]["/guests/book"]["post"]
    assert set(sign["requestBody"]["content"]) == {
        "application/x-www-form-urlencoded",
        "multipart/form-data",
    }
    assert {"200", "303", "413", "422"} <= set(sign["responses"])
    assert set(sign["responses"]["413"]["content"]) == {"text/html"}
    assert "Location" in sign["responses"]["303"]["headers"]


async def test_page_of_a_plugin_has_the_frame_of_the_bundled_pages(serve, example):
    server = await serve(beside=[example("library_page", HOW_TO).LibraryPlugin])
    page = server.page(await server.person("teacher", name="<Ada>"))
    shown = await page.get("/app/library")
    assert '<a href="/app/library" aria-current="page">Library</a>' in shown.text
    assert "<h1>Library</h1>" in shown.text
    assert "<li>Flatland &amp; other lands</li>" in shown.text
    assert "<Ada>" not in shown.text
    assert (
        await server.page(await server.person("student")).get("/app/library")
    ).status_code == 403
    stranger = await server.page().get("/app/library")
    assert stranger.headers["location"] == "/app/sign-in?next=%2Fapp%2Flibrary"


async def test_unreachable_directory_is_not_reported_as_wrong_password(school):
    _, server = school
    server.directory.down = True
    answer = await login(server, "grace@school.example", "cobol-60")
    assert (answer.status_code, answer.json()["error"]) == (503, "Service Unavailable")
    assert int(answer.headers["Retry-After"]) > 0


async def test_an_account_follows_the_directory_while_its_token_is_used(school):
    _, server = school
    answer = await login(server, "grace@school.example", "cobol-60")
    headers = {"Authorization": f"Bearer {answer.json()['data']['token']}"}
    server.directory.entry |= {"name": "Grace Hopper", "mail": "hopper@school.example"}
    await server.clock.advance(15 * 60)
    me = (await server.api.get("/auth/me", headers=headers)).json()["data"]
    assert (me["name"], me["email"]) == ("grace hopper", "hopper@school.example")
    server.directory.down = True
    await server.clock.advance(15 * 60)
    assert (await server.api.get("/auth/me", headers=headers)).status_code == 200
    server.directory.down, server.directory.entry = False, None
    await server.clock.advance(60)
    assert (await server.api.get("/auth/me", headers=headers)).status_code == 401


async def test_notes_of_an_earlier_version_are_kept_and_old_ones_go_at_night(
    serve, example, turned_clock, eventually
):
    earlier = await serve([])
    recently = turned_clock.now() - timedelta(days=1)
    await earlier.documents["notes"].insert_one({"body": "Bring a compass", "written": recently})
    nightly = example("nightly", HOW_TO)
    server = await serve([nightly.NotesPlugin], clock=turned_clock)
    notes = core(server.app).services.get(nightly.Notes)
    assert await notes.texts() == ["Bring a compass"]

    async def runs():
        text = (await server.api.get(f"{server.url}/metrics")).text
        return 'quartapp_task_runs_total{task="notes.forget_old"} 1.0' in text

    await eventually(runs)
    assert await notes.texts() == ["Bring a compass"]
    await turned_clock.advance(31 * nightly.NIGHT)

    async def gone():
        await turned_clock.advance(5)
        return await notes.texts() == []

    await eventually(gone)


def test_the_tests_that_are_shown_pass(quartapp_mongodb):
    shown = HOW_TO / "test_hands.py"
    command = [sys.executable, "-m", "pytest", "-q", "-c", "/dev/null", "--rootdir", str(HOW_TO)]
    options = ["-p", "no:cacheprovider", "-p", "no:schemathesis"]
    options += ["-o", "asyncio_mode=auto", "-o", "pythonpath=../hooks"]
    done = subprocess.run(  # noqa: S603 - our own
        [*command, *options, str(shown)],
        env={**_surroundings(), "QUARTAPP_TEST_MONGODB_URI": quartapp_mongodb},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "2 passed" in done.stdout, done.stdout + done.stderr


def _surroundings():
    from quartapp.testing.processes import surroundings

    return {**surroundings(), "PYTHONPATH": str(HOW_TO.parent / "hooks")}


async def test_a_mail_waits_as_long_as_the_service_asks_and_is_given_up_for_good(
    serve, example, turned_clock, eventually
):
    class MailService:
        def __init__(self):
            self.answers = [503, 200, 404]
            self.asked = []

        async def send(self, to, about):
            self.asked.append((to, about))
            return self.answers.pop(0)

    service = MailService()
    plugin = example("mails", HOW_TO).MailsPlugin(service)
    server = await serve(beside=[plugin], clock=turned_clock)
    teacher = await server.person("teacher")

    async def waits(**query):
        return await eventually(lambda: server.documents["outbox"].find_one(query))

    first = await class_room(server, teacher)
    entry = await waits(reason="busy")
    assert (entry["due"] - turned_clock.now()).total_seconds() == 30

    async def is_sent():
        await turned_clock.advance(1)
        return await server.documents["outbox"].count_documents({}) == 0

    await eventually(is_sent)
    assert service.asked == [(teacher.id, first["_id"])] * 2
    await class_room(server, teacher)
    await waits(reason="no such address", expires={"$exists": True})


async def test_three_times_late_count_as_one_absence(serve, example, monkeypatch):
    monkeypatch.setenv("QUARTAPP_REPORTS_RULE", "three-lates")
    plugin = example("percentages", HOW_TO).ThreeLatesPlugin
    server = await serve(beside=[plugin], extra_plugins=("statuses",))
    teacher, student = await server.person("teacher"), await server.person("student")
    path = f"/class/{(await class_room(server, teacher, [student]))['_id']}"

    async def percentage():
        answer = await server.api.get(f"{path}/report", headers=teacher.headers)
        (row,) = answer.json()["data"]["students"]
        return row["percentage"]

    assert await percentage() is None
    day = core(server.app).local_day().isoformat()
    told = []
    for status in ("late", "late", "excused", "present", "late"):
        body = {"date": day, "records": [{"studentId": student.id, "status": status}]}
        made = await server.api.post(f"{path}/sessions", json=body, headers=teacher.headers)
        assert made.status_code == 201, made.text
        told.append(await percentage())
    assert told == [100, 100, 100, 100, 75]


async def test_who_attends_less_than_before_is_warned_of(serve, example, eventually):
    plugin = example("warnings", HOW_TO).FallingPlugin
    server = await serve(beside=[plugin])
    teacher, student = await server.person("teacher"), await server.person("student")
    path = f"/class/{(await class_room(server, teacher, [student]))['_id']}"
    day = core(server.app).local_day().isoformat()

    async def enter(*statuses):
        for status in statuses:
            body = {"date": day, "records": [{"studentId": student.id, "status": status}]}
            made = await server.api.post(f"{path}/sessions", json=body, headers=teacher.headers)
            assert made.status_code == 201, made.text

    async def told():
        answer = await server.api.get(f"{path}/report", headers=teacher.headers)
        return answer.json()["data"]["students"][0]

    async def raised():
        return (await told())["raised"]

    await enter(*["present"] * 8, "absent")
    assert (await told())["warnings"] == []
    await enter("absent")
    assert (await told())["warnings"] == ["falling"]
    assert [one["warning"] for one in await eventually(raised)] == ["falling"]
