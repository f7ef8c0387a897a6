"""Hooks that fail while the server serves: what the client gets, and what is logged."""

from __future__ import annotations

import asyncio

import pytest
import structlog

from quartapp.hooks.specs import hookimpl

HOOK_SECONDS = 7
INTERNAL = "Internal Server Error"
INTERNAL_FRAME = {"event": "ERROR", "data": {"message": "Internal Server Error"}}


async def fail():
    raise RuntimeError("a fault in a plugin")


async def fail_later():
    await asyncio.sleep(0)
    raise RuntimeError("a fault in a plugin")


class Broken:
    """A plugin with one hook, which does what it is told as soon as it is told."""

    name = "broken"

    def __init__(self, hook):
        async def implementation(_self):
            return await self.deed() if self.deed else None

        implementation.__name__ = hook
        self.deed = None
        self.hangs = asyncio.Event()
        self.plugin = type("Plugin", (), {"name": "broken", hook: hookimpl(implementation)})()

    async def hang(self):
        self.hangs.set()
        await asyncio.Event().wait()

    def returns(self, value):
        async def give():
            return value

        self.deed = give


@pytest.fixture
async def failing(serve, turned_clock):
    """Provide a server with a plugin that fails in ``hook``; a hook that hangs is ended."""

    async def end_what_hangs(broken):
        while True:
            await broken.hangs.wait()
            broken.hangs.clear()
            await turned_clock.asked(HOOK_SECONDS)
            await turned_clock.advance(HOOK_SECONDS)

    ending = []

    async def start(hook):
        broken = Broken(hook)
        ending.append(asyncio.create_task(end_what_hangs(broken)))
        server = await serve(beside=[broken.plugin], hook_timeout=HOOK_SECONDS, clock=turned_clock)
        return server, broken

    yield start
    for task in ending:
        task.cancel()
    await asyncio.gather(*ending, return_exceptions=True)


WAYS = {
    "raises": (fail, "failed: RuntimeError: a fault in a plugin"),
    "raises after a wait": (fail_later, "failed: RuntimeError: a fault in a plugin"),
    "hangs": ("hang", "took longer than 7 s"),
    "returns something else": (None, "must return"),
}


def bring_about(broken, way):
    deed, said = WAYS[way]
    if deed is None:
        broken.returns(object())
    elif deed == "hang":
        broken.deed = broken.hang
    else:
        broken.deed = deed
    return said


def reasons(logs):
    """Every reason in the log, of whichever line."""
    return " ".join(f"{line.get('reason', '')} {line.get('exc_info', '')}" for line in logs)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("hook", ["verify_credentials", "token_claims"])
async def test_a_login_fails_closed_and_the_plugin_is_named_in_the_log(failing, hook, way):
    server, broken = await failing(hook)
    person = await server.person("student")
    said = bring_about(broken, way)
    if hook == "verify_credentials":  # which was given the password
        said = said.replace(": a fault in a plugin", f" at {__file__}:")
    credentials = {"email": person.email, "password": person.password}
    with structlog.testing.capture_logs() as logs:
        answer = await server.api.post("/auth/login", json=credentials)
    assert (answer.status_code, answer.json()["error"]) == (500, INTERNAL)
    assert f"plugin broken (given): {hook} {said}" in reasons(logs)


@pytest.mark.parametrize("way", WAYS)
async def test_password_words_that_fail_keep_the_password(failing, monkeypatch, way):
    monkeypatch.setenv("QUARTAPP_AUTH_REGISTRATION", "invite")
    server, broken = await failing("password_words")
    person = await server.person("student")
    said = bring_about(broken, way)
    body = {"password": person.password, "newPassword": "difference-engine"}
    with structlog.testing.capture_logs() as logs:
        answer = await server.api.post("/auth/password", json=body, headers=person.headers)
    assert (answer.status_code, answer.json()["error"]) == (500, INTERNAL)
    assert f"plugin broken (given): password_words {said}" in reasons(logs)
    assert await server.sign_in(person.email, person.password)


def by_text(password):
    raise RuntimeError(f"bind with {password} failed")


def by_key(password):
    return {}[password]


def by_cause(password):
    try:
        by_text(password)
    except RuntimeError as error:
        raise ValueError("no answer") from error


def by_context(password):
    try:
        by_text(password)
    finally:
        by_key("none")


def by_note(password):
    error = ValueError("no answer")
    error.add_note(f"the password was {password}")
    raise error


def by_group(password):
    raise ExceptionGroup("two servers", [ValueError(password), OSError(password)])


def by_exit(password):
    raise SystemExit(password)


@pytest.mark.parametrize(
    "deed", [by_text, by_key, by_cause, by_context, by_note, by_group, by_exit]
)
@pytest.mark.parametrize("waits", [False, True])
async def test_failed_sign_in_shows_no_password_and_ends_no_server(serve, capfd, deed, waits):
    class Directory:
        name = "directory"

        @hookimpl
        async def verify_credentials(self, password):
            if waits:
                await asyncio.sleep(0)
            return deed(password)

    server = await serve(beside=[Directory])
    credentials = {"email": "ada@school.example", "password": "analytical-engine"}
    for _ in range(2):
        answer = await server.api.post("/auth/login", json=credentials)
        assert (answer.status_code, answer.json()["error"]) == (500, INTERNAL)
    out, err = capfd.readouterr()
    assert "plugin directory (given): verify_credentials failed: " in out + err
    assert f"{__file__}:" in out + err
    assert credentials["password"] not in out + err


async def test_token_claims_cannot_override_the_identity(failing):
    server, broken = await failing("token_claims")
    person = await server.person("student")
    broken.returns({"role": "teacher"})
    credentials = {"email": person.email, "password": person.password}
    with structlog.testing.capture_logs() as logs:
        answer = await server.api.post("/auth/login", json=credentials)
    assert (answer.status_code, answer.json()["error"]) == (500, INTERNAL)
    assert "plugin broken (given): token_claims: role is taken" in reasons(logs)


@pytest.mark.parametrize("way", WAYS)
async def test_authenticate_fails_closed_for_requests(failing, way):
    server, broken = await failing("authenticate")
    said = bring_about(broken, way)
    with structlog.testing.capture_logs() as logs:
        answer = await server.api.get("/class")
    assert (answer.status_code, answer.json()["error"]) == (500, INTERNAL)
    assert f"plugin broken (given): authenticate {said}" in reasons(logs)


@pytest.mark.parametrize("way", WAYS)
async def test_authenticate_fails_closed_for_sockets(failing, way):
    server, broken = await failing("authenticate")
    said = bring_about(broken, way)
    with structlog.testing.capture_logs() as logs:
        socket = await server.socket()
        assert await socket.closed() == 1011
    assert f"plugin broken (given): authenticate {said}" in reasons(logs)


@pytest.mark.parametrize("way", WAYS)
async def test_authorize_fails_closed_for_routes_and_events(failing, way):
    server, broken = await failing("authorize")
    teacher = await server.person("teacher")
    socket = await server.socket(teacher)
    said = bring_about(broken, way)
    with structlog.testing.capture_logs() as logs:
        answer = await server.api.get("/class", headers=teacher.headers)
        assert await socket.ask("TODAY_SUMMARY") == INTERNAL_FRAME
    assert (answer.status_code, answer.json()["error"]) == (500, INTERNAL)
    assert reasons(logs).count(f"plugin broken (given): authorize {said}") == 2


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("hook", ["roster", "check_mark", "attendance_status"])
async def test_a_mark_is_not_stored_when_it_cannot_be_decided(failing, lesson, mark, hook, way):
    server, broken = await failing(hook)
    roll_call = await lesson(server, students=1)
    await roll_call.start()
    socket = await server.socket(roll_call.teacher)
    said = bring_about(broken, way)
    with structlog.testing.capture_logs() as logs:
        frame = await socket.ask("ATTENDANCE_MARKED", mark(roll_call.students[0]))
    assert frame == INTERNAL_FRAME
    assert f"plugin broken (given): {hook} {said}" in reasons(logs)
    broken.deed = None
    assert (await roll_call.session())["attendance"] == {}
    frame = await socket.ask("ATTENDANCE_MARKED", mark(roll_call.students[0]))
    assert frame["event"] == "ATTENDANCE_MARKED"


async def test_unregistered_status_is_not_stored(failing, lesson, mark):
    server, broken = await failing("attendance_status")
    roll_call = await lesson(server, students=1)
    await roll_call.start()
    socket = await server.socket(roll_call.teacher)
    broken.returns("tardy")
    with structlog.testing.capture_logs() as logs:
        frame = await socket.ask("ATTENDANCE_MARKED", mark(roll_call.students[0]))
    assert frame == INTERNAL_FRAME
    assert "plugin broken (given): attendance_status: 'tardy' is no status" in reasons(logs)


@pytest.mark.parametrize("way", ["raises", "hangs"])
async def test_on_event_changes_nothing_when_it_fails(failing, way):
    server, broken = await failing("on_event")
    bring_about(broken, way)
    with structlog.testing.capture_logs() as logs:
        person = await server.person("student")
        await server.settled()
    failures = [line for line in logs if line["event"] == "hook failed"]
    assert [(line["hook"], line["plugin"]) for line in failures] == [("on_event", "broken (given)")]
    answer = await server.api.get("/auth/me", headers=person.headers)
    assert answer.status_code == 200
