"""Plugins that are wrong, at build and at start-up: the one sentence that a person gets."""

from __future__ import annotations

import asyncio
from typing import ClassVar

import click
import pytest
from mongoengine import IntField
from pydantic import BaseModel, create_model
from quart import Blueprint

from quartapp import Model, ServerMessage, SocketParameter, __version__, hookspec
from quartapp.errors import QuartappError
from quartapp.hooks.specs import hookimpl
from quartapp.http.models import Closed
from quartapp.http.operation import Operation
from quartapp.identity.access import PUBLIC
from quartapp.realtime.events import EventData, EventType
from quartapp_attendance import Status


class Empty(Closed):
    """An answer with nothing in it."""


def answering(hook, *answers, name="broken"):
    """Return a plugin whose ``hook`` returns or raises the answer."""

    def implementation(self):
        if isinstance(answers[0], Exception):
            raise answers[0]
        return answers[0]

    implementation.__name__ = hook
    return type("Plugin", (), {"name": name, hook: hookimpl(implementation)})


def blueprint(name, path, operation="getThing"):
    routes = Blueprint(name, __name__)

    @routes.get(path)
    @Operation(id=operation, access=PUBLIC, tags=("x",), data=Empty, database=False)
    async def view(**path):
        return {}

    return routes


def event(name, *answers):
    return EventType(name=name, data=EventData, handler=print, answers=answers)


def parameter(name, *answers):
    return SocketParameter(name=name, pattern="x", greet=print, answers=answers)


def message(name, **fields):
    """Return an event from the server with a model of its own name."""
    data = create_model(f"{name.title()}Data", **{key: (kind, ...) for key, kind in fields.items()})
    return ServerMessage(name=name, data=data, to_all=True, summary="It was said.")


def documents(collection, *indexes):
    """Return a model of documents in ``collection``."""
    kept_in = {"collection": collection, "indexes": list(indexes)}

    class Thing(Model):
        number = IntField()
        meta: ClassVar = kept_in

    return Thing


def hookspecs(name):
    """Return a class that defines one hook."""

    def specification(self):
        """Ask for nothing."""

    specification.__name__ = name
    return type("Specs", (), {name: hookspec(specification)})


@pytest.fixture
def problem(serve):
    """Return the message of a start with these plugins beside the installed ones."""

    async def start(*plugins, **settings):
        with pytest.raises(QuartappError) as caught:
            await serve(beside=plugins, **settings)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    return start


REGISTERING = (
    "register_settings",
    "register_blueprints",
    "register_events",
    "register_statuses",
)


@pytest.mark.parametrize("hook", REGISTERING)
async def test_plugin_that_raises_while_it_registers_is_named_with_its_reason(problem, hook):
    told = await problem(answering(hook, RuntimeError("no such book")))
    assert told == f"plugin broken (given): {hook} failed: RuntimeError: no such book"


@pytest.mark.parametrize("hook", REGISTERING)
async def test_plugin_with_an_async_register_hook_is_refused(problem, hook):
    async def implementation(self):
        return []

    implementation.__name__ = hook
    plugin = type("Plugin", (), {"name": "broken", hook: hookimpl(implementation)})
    assert await problem(plugin) == f"plugin broken (given): {hook} must not be async"


@pytest.mark.parametrize(
    ("hook", "answer", "told"),
    [
        ("register_settings", [], "must return a pydantic model"),
        ("register_settings", dict, "must return a pydantic model"),
        ("register_blueprints", Blueprint("x", __name__), "must return a list, got Blueprint"),
        ("register_blueprints", ["/x"], "must return a list of Blueprint, got str"),
        ("register_events", event("X"), "must return a list, got EventType"),
        ("register_events", ["X"], "must return a list of EventType, got str"),
        (
            "register_statuses",
            Status(code="late", label="Late", counts_as="present"),
            "must return a list, got Status",
        ),
        ("register_statuses", ["late"], "must return a list of Status, got str"),
    ],
)
async def test_plugin_that_registers_another_type_is_told_the_expected_type(
    problem, hook, answer, told
):
    assert await problem(answering(hook, answer)) == f"plugin broken (given): {hook} {told}"


async def test_invalid_status_is_refused(problem):
    class Odd:
        name = "odd"

        @hookimpl
        def register_statuses(self):
            return [Status(code="Too late!", label="Late", counts_as="present")]

    told = await problem(Odd)
    assert told.startswith("plugin odd (given): register_statuses failed: ValueError: 'Too late!'")


async def test_a_misspelt_hook_is_refused(problem):
    told = await problem(answering("on_evnt", None))
    assert told == (
        "plugin broken (given) cannot be registered: "
        "there is no hook on_evnt; did you mean on_event?"
    )


async def test_a_wrapper_is_refused(problem):
    class Wraps:
        name = "wraps"

        @hookimpl(wrapper=True)
        def authorize(self):
            return (yield)

    assert await problem(Wraps) == "plugin wraps (given): authorize must not be a wrapper"


async def test_two_plugins_of_one_name_are_refused(problem):
    told = await problem(answering("startup", None), answering("startup", None))
    assert told == "two plugins are called broken: broken (given) and broken (given)"


async def test_plugin_that_needs_a_newer_quartapp_is_refused(problem):
    class Modern:
        name = "modern"
        requires_quartapp = ">=99"

    assert await problem(Modern) == (
        f"plugin modern (given) requires quartapp >=99, and this is {__version__}; "
        "upgrade one of the two"
    )


async def test_plugin_with_an_invalid_version_requirement_is_refused(problem):
    class Odd:
        name = "odd"
        requires_quartapp = "the newest"

    told = await problem(Odd)
    assert told == "plugin odd (given): requires_quartapp 'the newest' is no version specifier"


@pytest.mark.parametrize(
    ("hook", "one", "other", "what"),
    [
        (
            "register_blueprints",
            [blueprint("a", "/x", "getA")],
            [blueprint("b", "/x", "getB")],
            "route GET /x",
        ),
        (
            "register_blueprints",
            [blueprint("a", "/x/<one>", "getA")],
            [blueprint("b", "/x/<two>", "getB")],
            "route GET /x/{two}",
        ),
        ("register_blueprints", [blueprint("a", "/x")], [blueprint("b", "/y")], "operationId"),
        ("register_events", [event("X")], [event("X")], "event X"),
        (
            "register_events",
            [event("X", message("SAID", text=str))],
            [event("Y", message("SAID", text=int))],
            "message SAID from the server has two shapes",
        ),
        (
            "register_socket_parameters",
            [parameter("x", message("SAID", text=str))],
            [parameter("y", message("SAID", words=str))],
            "message SAID from the server has two shapes",
        ),
        ("register_collections", [documents("things")], [documents("things")], "collection things"),
        (
            "register_blueprints",
            [blueprint("a", "/x/y", "getA")],
            [blueprint("b", "/x/<path:rest>", "getB")],
            "catch-all route GET /x/{rest} of plugin other (given) covers GET /x/y of plugin one",
        ),
        (
            "register_blueprints",
            [blueprint("a", "/x/<path:rest>/edit", "getA")],
            [blueprint("b", "/x/<one>/<two>", "getB")],
            "catch-all route GET /x/{rest}/edit of plugin one (given) covers GET /x/{one}/{two}",
        ),
        (
            "register_blueprints",
            [blueprint("a", "/x/<any(y):one>/z", "getA")],
            [blueprint("b", "/x/y/<two>", "getB")],
            "route GET /x/{one}/z of plugin one (given) can never be reached, as GET /x/y/{two}",
        ),
        (
            "register_statuses",
            [Status(code="late", label="Late", counts_as="present")],
            [Status(code="late", label="Belated", counts_as="absent")],
            "status late",
        ),
    ],
)
async def test_hook_of_two_plugins_is_refused_naming_both(problem, hook, one, other, what):
    told = await problem(answering(hook, one, name="one"), answering(hook, other, name="other"))
    assert what in told
    assert "one (given)" in told
    assert "other (given)" in told


@pytest.mark.parametrize(
    ("hook", "brought", "what"),
    [
        ("register_events", [event("DONE")], "event DONE is brought by both attendance (quartapp "),
        (
            "register_statuses",
            [Status(code="present", label="Here", counts_as="present")],
            "status present is brought by both quartapp itself and broken (given)",
        ),
        ("register_blueprints", [blueprint("x", "/healthz")], "quartapp itself"),
        ("register_blueprints", [blueprint("x", "/x", "login")], "plugin auth (quartapp "),
        ("register_blueprints", [blueprint("x", "/<path:rest>")], "covers GET /"),
        (
            "register_blueprints",
            [blueprint("x", "/api/v1/class/<path:a>/b")],
            "of plugin classes (q",
        ),
        *(
            ("register_blueprints", [blueprint("x", path)], "takes unknown paths of /api/v1, which")
            for path in (
                "/api/v1/<word>",
                "/api/v1/<int:number>",
                "/api/v1/<word>/settings",
                "/api/<version>/<word>",
                "/<a>/<b>/<c>.json",
            )
        ),
        ("register_events", [event("X", message("ERROR", text=str))], "quartapp itself"),
        ("register_events", [event("X", message("DONE", text=str))], "attendance (quartapp "),
        ("register_collections", [documents("users", "#number")], "brought by both auth (quartapp"),
        ("register_collections", [documents("leases")], "quartapp itself"),
    ],
)
async def test_plugin_cannot_take_names_of_the_core(problem, hook, brought, what):
    told = await problem(answering(hook, brought))
    assert what in told
    assert "broken (given)" in told


@pytest.mark.parametrize("name", ["authorize", "roster"])
async def test_a_hook_of_ours_is_not_brought_again(problem, name):
    told = await problem(type("Plugin", (), {"name": "broken", "hookspecs": hookspecs(name)}))
    assert told.startswith(f"hook {name} is brought by both ")
    assert told.endswith(" and broken (given)")


async def test_conflicting_indexes_are_refused(problem):
    number = {"fields": ["number"]}
    model = documents("things", number, {**number, "unique": True})
    assert await problem(answering("register_collections", [model])) == (
        "plugin broken (given): collection things has two indexes on number, "
        "which differ in their options"
    )


async def test_an_index_that_the_database_refuses_is_told_with_its_model(serve):
    server = await serve([answering("register_collections", [documents("things")])])
    await server.documents["things"].insert_many([{"number": 1}, {"number": 1}])
    unique = documents("things", {"fields": ["number"], "unique": True})
    with pytest.raises(QuartappError) as caught:
        await serve([answering("register_collections", [unique])])
    told = str(caught.value)
    assert "Thing declares for the collection things: " in told
    assert "E11000 duplicate key" in told
    assert "\n" not in told


@pytest.mark.parametrize("path", ["/x/<path:rest>", "/api/v1/x/<path:rest>", "/<one>", "/x/<y>/z"])
async def test_route_that_covers_no_other_may_take_any_path(serve, path):
    server = await serve(beside=[answering("register_blueprints", [blueprint("x", path)])])
    answer = await server.api.get(f"{server.url}{path.replace('<path:rest>', 'a/b')}")
    assert answer.status_code == 200
    assert (await server.api.get("/nothing")).status_code == 404


async def test_messages_of_one_name_and_shape_are_allowed(serve):
    said = message("SAID", text=str)
    one, other = event("X", said), event("Y", message("SAID", text=str))
    await serve(
        beside=[
            answering("register_events", [one], name="one"),
            answering("register_events", [other], name="other"),
        ]
    )


class Shared(BaseModel):
    """Settings."""

    timeout: int = 1


async def test_settings_of_two_plugins_under_one_name_are_refused(problem):
    one = type("SharedOne", (Shared,), {})
    other = type("SharedTwo", (Shared,), {})
    told = await problem(
        answering("register_settings", one, name="a-b"),
        answering("register_settings", other, name="a_b"),
    )
    assert "QUARTAPP_A_B_TIMEOUT" in told
    assert "a-b (given)" in told
    assert "a_b (given)" in told


async def test_one_settings_model_for_two_plugins_is_refused(problem):
    told = await problem(
        answering("register_settings", Shared, name="one"),
        answering("register_settings", Shared, name="other"),
    )
    assert told == "settings Shared are brought by both plugin one (given) and plugin other (given)"


async def test_setting_with_the_name_of_a_core_setting_is_refused(problem):
    told = await problem(answering("register_settings", Shared, name="hook"))
    assert told == (
        "setting QUARTAPP_HOOK_TIMEOUT is brought by both quartapp itself and plugin hook (given)"
    )


async def test_plugin_that_hangs_at_start_stops_the_server(serve, turned_clock):
    class Hangs:
        name = "hangs"

        @hookimpl
        async def startup(self):
            await asyncio.Event().wait()

    starting = asyncio.create_task(serve([Hangs], hook_timeout=7, clock=turned_clock))
    await turned_clock.asked(7)
    await turned_clock.advance(7)
    with pytest.raises(QuartappError) as caught:
        await starting
    assert str(caught.value) == "plugin hangs (given): startup took longer than 7 s"


async def test_a_time_limit_of_its_own_is_not_taken_for_ours(serve):
    class Impatient:
        name = "impatient"

        @hookimpl
        async def startup(self):
            async with asyncio.timeout(0):
                await asyncio.Event().wait()

    with pytest.raises(QuartappError, match="startup failed: TimeoutError"):
        await serve([Impatient])


BROKEN = """
from quartapp.hooks.specs import hookimpl

class Plugin:
    @hookimpl
    def on_evnt(self): ...
"""


async def test_the_command_line_shows_one_sentence_and_exit_status_2(
    run_cli, installed, mongodb_uri
):
    path = installed("library", BROKEN)
    secret = "a secret for tests, 32 bytes or more"
    surroundings = {"PYTHONPATH": path, "MONGODB_URI": mongodb_uri, "JWT_SECRET": secret}
    status, output, errors = await run_cli("serve", "--port", "0", **surroundings)
    assert (status, output) == (2, "")
    assert errors.startswith("Error: plugin library (library 1.0) cannot be registered: ")
    assert "on_evnt" in errors
    assert "Traceback" not in errors


async def test_two_distributions_with_plugins_of_one_name_are_both_named(run_cli, installed):
    path = installed("auth", BROKEN)
    status, _, errors = await run_cli("plugins", PYTHONPATH=path)
    assert status != 0
    assert "two plugins are called auth: one of" in errors
    assert "auth 1.0" in errors
    assert f"quartapp {__version__}" in errors


def test_two_commands_of_one_name_are_refused():
    # Beside the messages of test_commands.py: here, that the group itself stays as it was.
    from quartapp.cli.main import main
    from quartapp.hooks.discovery import given
    from quartapp.hooks.plugins import Plugins

    before = dict(main.commands)
    plugin = answering("register_commands", [click.Command("serve")])
    with pytest.raises(QuartappError, match="as quartapp has its own serve"):
        Plugins([given(plugin)], 5).contributions.commands(main)
    assert main.commands == before
