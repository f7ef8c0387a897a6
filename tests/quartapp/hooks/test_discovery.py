"""Plugins: found, ordered, checked, and their failures told with name and distribution."""

from __future__ import annotations

import asyncio
import json

import pytest
import structlog
from quart import Blueprint

from quartapp.errors import QuartappError
from quartapp.hooks.discovery import discover, given, in_order
from quartapp.hooks.specs import hookimpl
from quartapp.http.operation import Operation
from quartapp.identity.access import PUBLIC
from quartapp.parts import core
from quartapp.plugin import LoadedPlugin
from quartapp.realtime.events import EventData, EventType


def names(loaded):
    return [plugin.name for plugin in loaded]


def test_three_bundled_plugins_are_on_by_default_in_order():
    loaded = names(discover())
    assert [name for name in loaded if name in {"auth", "classes", "attendance"}] == [
        "auth",
        "classes",
        "attendance",
    ]


def test_an_exact_list_is_exact_and_still_in_order():
    assert names(discover(["classes", "auth"])) == ["auth", "classes"]


def test_missing_required_plugin_is_refused():
    with pytest.raises(QuartappError, match=r"plugin classes \(quartapp .*\) requires .* auth"):
        discover(["classes"])


async def test_an_unknown_plugin_is_refused_by_name(run_cli):
    status, _, said = await run_cli(
        "serve", "--port", "0", "--plugin", "no-such", "--data-dir", "d"
    )
    assert status == 2
    assert "plugin no-such is not installed" in said
    assert "Traceback" not in said


async def test_plugins_are_listed_for_programs(run_cli):
    status, output, said = await run_cli("plugins", "--json")
    assert status == 0, said
    rows = json.loads(output)["loaded"]
    by_name = {row["name"]: row for row in rows}
    assert [row["name"] for row in rows][:3] == ["auth", "classes", "attendance"]
    assert by_name["auth"]["distribution"].startswith("quartapp")
    assert "register_blueprints" in by_name["auth"]["hooks"]
    assert "register_events" in by_name["attendance"]["hooks"]


async def test_plugins_are_listed_for_people(run_cli):
    status, output, _ = await run_cli("plugins")
    assert status == 0
    assert "attendance" in output
    assert "register_events" in output


async def test_two_plugins_with_the_name_of_a_bundled_one_are_refused(serve):
    class Auth:
        name = "auth"

    with pytest.raises(QuartappError, match="auth"):
        await serve(beside=[Auth])


async def test_a_misspelt_hook_is_refused(serve):
    class Misspelt:
        name = "misspelt"

        @hookimpl
        def register_blueprint(self, app):
            return []

    with pytest.raises(QuartappError, match=r"plugin misspelt \(given\).*register_blueprint"):
        await serve(beside=[Misspelt])


async def test_an_unknown_argument_of_a_hook_is_refused(serve):
    class Asking:
        name = "asking"

        @hookimpl
        def startup(self, application):
            pass

    with pytest.raises(QuartappError, match=r"plugin asking \(given\)"):
        await serve(beside=[Asking])


async def test_hook_that_raises_at_build_stops_the_start_with_its_name(serve):
    class Raising:
        name = "raising"

        @hookimpl
        def register_events(self, app):
            raise LookupError("no licence")

    with pytest.raises(
        QuartappError,
        match=r"plugin raising \(given\): register_events failed: LookupError: no licence",
    ):
        await serve(beside=[Raising])


@pytest.mark.parametrize("result", [5, "text", [5], {"a": 1}], ids=repr)
async def test_hook_that_returns_the_wrong_type_stops_the_start_with_its_name(serve, result):
    class Wrong:
        name = "wrong"

        @hookimpl
        def register_blueprints(self, app):
            return result

    with pytest.raises(QuartappError, match=r"plugin wrong \(given\): register_blueprints must"):
        await serve(beside=[Wrong])


async def test_a_failing_startup_stops_the_start_and_leaves_nothing_running(serve):
    class Failing:
        name = "failing"

        @hookimpl
        async def startup(self, app):
            raise ConnectionError("directory does not answer")

    with pytest.raises(QuartappError, match=r"plugin failing \(given\): startup failed: Conn"):
        await serve(beside=[Failing])


async def test_a_startup_that_hangs_is_ended_in_time(serve, turned_clock):
    hangs = asyncio.Event()

    class Hanging:
        name = "hanging"

        @hookimpl
        async def startup(self, app):
            hangs.set()
            await asyncio.Event().wait()

    starting = asyncio.create_task(serve(beside=[Hanging], hook_timeout=7, clock=turned_clock))
    await hangs.wait()
    await turned_clock.asked(7)
    await turned_clock.advance(7)
    with pytest.raises(QuartappError, match=r"plugin hanging \(given\): startup took longer"):
        await starting


async def test_two_plugins_with_one_event_are_refused_naming_both(serve):
    class Colliding:
        name = "colliding"

        @hookimpl
        def register_events(self, app):
            async def handle(connection, data):
                pass

            return [EventType(name="DONE", data=EventData, handler=handle)]

    with pytest.raises(QuartappError) as raised:
        await serve(beside=[Colliding])
    for part in ("DONE", "attendance (quartapp", "colliding (given)"):
        assert part in str(raised.value)


async def test_two_plugins_with_one_blueprint_are_refused(serve):
    class Colliding:
        name = "colliding"

        @hookimpl
        def register_blueprints(self, app):
            return [Blueprint("auth", __name__)]

    with pytest.raises(QuartappError, match=r"colliding \(given\)"):
        await serve(beside=[Colliding])


async def test_two_plugins_with_one_route_are_refused_naming_both(serve):
    class Colliding:
        name = "colliding"

        @hookimpl
        def register_blueprints(self, app):
            blueprint = Blueprint("colliding", __name__)

            @blueprint.get("/api/v1/auth/me")
            @Operation(id="getMeToo", access=PUBLIC, tags=("x",), data=dict[str, str])
            async def me():
                return {}

            return [blueprint]

    with pytest.raises(QuartappError) as raised:
        await serve(beside=[Colliding])
    for part in ("/api/v1/auth/me", "auth (quartapp", "colliding (given)"):
        assert part in str(raised.value)


async def test_a_failing_listener_changes_nothing_and_is_logged_with_its_name(serve, turned_clock):
    heard, hangs = [], asyncio.Event()

    class Raising:
        name = "raising"

        @hookimpl
        def on_event(self, event):
            raise RuntimeError("out of paper")

    class Hanging:
        name = "hanging"

        @hookimpl
        async def on_event(self, event):
            hangs.set()
            await asyncio.Event().wait()

    class Hearing:
        name = "hearing"

        @hookimpl
        async def on_event(self, event):
            heard.append(event)

    server = await serve(beside=[Raising, Hanging, Hearing], hook_timeout=7, clock=turned_clock)
    with structlog.testing.capture_logs() as logs:
        person = await server.person("student")
        await hangs.wait()
        await turned_clock.asked(7)
        await turned_clock.advance(7)
        await server.settled()

    assert [event.user_id for event in heard] == [person.id]
    failed = {line["plugin"] for line in logs if line["event"] == "hook failed"}
    assert failed == {"raising (given)", "hanging (given)"}


async def test_plugins_stop_in_reverse_and_one_failing_stops_no_other(serve, mongodb_uri):
    from quartapp.app import create_app
    from quartapp.settings.core import Settings
    from quartapp.testing.servers import SECRET, running

    order = []

    def plugin(label):
        class Plugin:
            name = label

            @hookimpl
            async def startup(self, app):
                order.append(f"+{label}")

            @hookimpl
            async def shutdown(self, app):
                order.append(f"-{label}")
                raise RuntimeError("no")

        return Plugin()

    app = create_app(
        Settings(mongodb_uri=mongodb_uri, jwt_secret=SECRET), [plugin("one"), plugin("two")]
    )
    async with running(app):
        assert order == ["+one", "+two"]
    assert order == ["+one", "+two", "-two", "-one"]


async def test_the_events_of_the_bundled_plugins_are_told_once(serve, lesson, mark):
    heard = []

    class Hearing:
        name = "hearing"

        @hookimpl
        def on_event(self, event):
            heard.append(type(event).__name__)

    server = await serve(beside=[Hearing])
    maths, physics = await lesson(server, students=1), await lesson(server, students=0)
    await server.settled()
    heard.clear()
    teacher = await server.socket(maths.teacher)
    await physics.start()
    await maths.start()
    await maths.start()
    await teacher.ask("ATTENDANCE_MARKED", mark(maths.students[0]))
    await teacher.send("DONE")
    await teacher.send("DONE")
    await teacher.drain()
    await server.settled()
    assert heard == [
        "SessionStarted", "SessionSuperseded", "SessionStarted", "AttendanceMarked", "SessionDone"
    ]  # fmt: skip
    heard.clear()
    headers = maths.teacher.headers
    await server.api.patch(f"/class/{maths.class_id}", json={"className": "Other"}, headers=headers)
    student = maths.students[0].id
    await server.api.delete(f"/class/{maths.class_id}/students/{student}", headers=headers)
    await server.api.delete(f"/class/{maths.class_id}?records=delete", headers=headers)
    await server.settled()
    assert heard == ["ClassChanged", "StudentRemoved", "ClassDeleted"]


def bundled(name, **attributes):
    """A plugin as quartapp's own distribution declares it."""
    return LoadedPlugin(name, "quartapp 1.0", object(), (), **attributes)


def foreign(name, *, requires=(), provides=()):
    """A plugin of another distribution."""
    implementation = type("Plugin", (), {"requires": requires, "provides": provides})()
    return given(implementation, name)


def test_a_plugin_that_provides_a_name_takes_the_place_of_the_bundled_one():
    lessons = foreign("lessons", requires="auth")
    school = foreign("school", provides=("auth", "directory"))
    guests = foreign("guests", requires=("directory", "school"))
    ordered = in_order([bundled("auth"), bundled("classes"), guests, lessons, school])
    assert names(ordered) == ["classes", "school", "guests", "lessons"]


def test_a_plugin_may_take_the_place_of_one_with_the_same_name():
    mine = foreign("auth", provides="auth")
    assert in_order([bundled("auth"), mine]) == [mine]


def test_a_name_that_no_plugin_has_may_be_provided():
    assert names(in_order([foreign("school", provides="nothing"), bundled("auth")])) == [
        "auth",
        "school",
    ]


@pytest.mark.parametrize(
    "others",
    [
        [foreign("school", provides="auth"), foreign("college", provides=("x", "auth"))],
        [foreign("school", provides="guests"), foreign("guests")],
    ],
    ids=["both provide it", "one has the name"],
)
async def test_two_plugins_that_stand_for_one_name_are_refused_naming_both(serve, others):
    with pytest.raises(QuartappError) as raised:
        await serve([bundled("auth"), *others])
    told = str(raised.value)
    assert "both stand for" in told
    for plugin in others:
        assert str(plugin) in told


async def test_plugins_that_are_passed_by_hand_keep_their_order(serve):
    last, first = foreign("last"), foreign("first", provides="auth")
    server = await serve([last, bundled("auth"), first])
    assert names(core(server.app).plugins.loaded) == ["last", "first"]


STANDS_IN = """
class Plugin:
    provides = "demo"
"""


async def test_stand_ins_are_listed_with_those_that_are_off(run_cli, installed):
    path = installed("show", STANDS_IN)
    status, output, said = await run_cli("plugins", PYTHONPATH=path)
    assert status == 0, said
    assert "    provides: demo\n" in output
    assert output.endswith("demo  is off: show (show 1.0) stands for it\n")
    listing = json.loads((await run_cli("plugins", "--json", PYTHONPATH=path))[1])
    assert listing["replaced"] == {"demo": "show (show 1.0)"}
    assert "demo" not in [row["name"] for row in listing["loaded"]]
