"""The fixture ``quartapp_contract``: what it finds in a plugin that does not do as it says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import Field, model_validator
from quart import Blueprint

from quartapp.cli.new_plugin import write_plugin
from quartapp.hooks.specs import hookimpl
from quartapp.http.declaration import Refusal
from quartapp.http.models import Body, Closed
from quartapp.http.operation import Operation
from quartapp.identity.access import PUBLIC
from quartapp.identity.roles import Role
from quartapp.realtime.events import EventData, EventType

pytestmark = pytest.mark.processes

HOW_TO = Path(__file__).parents[3] / "docs" / "examples" / "howto"


class Number(Closed):
    number: int


class Text(EventData):
    text: str


class CarelessText(Text):
    @model_validator(mode="before")
    @classmethod
    def fill_in(cls, data):
        return {"text": "", **data}


async def accept(connection, data):
    """Take whatever comes."""


class Doubled(Body):
    number: int


def plugin(view, **changes):
    """Return a plugin with one route, and no event."""
    blueprint = Blueprint("odd", __name__)
    declared = {"id": "odd", "access": PUBLIC, "tags": ("odd",), "data": Number, "database": False}
    blueprint.get("/odd")(Operation(**{**declared, **changes})(view))

    class Odd:
        name = "odd"

        @hookimpl
        def register_blueprints(self):
            return [blueprint]

    return Odd


async def honest():
    """Return a number."""
    return {"number": 1}


@pytest.fixture
def check(quartapp_contract, tmp_path):
    """Return a function that runs the fixture over a plugin, and returns its findings."""

    async def run(implementation, folder=tmp_path, name="odd"):
        with pytest.raises(AssertionError) as caught:
            await quartapp_contract(name, folder, beside=[implementation])
        return str(caught.value)

    return run


@pytest.fixture
def corkboard(tmp_path, monkeypatch):
    """Generate a plugin, and return it with the folder of its contract."""
    folder = write_plugin("corkboard", tmp_path)
    monkeypatch.syspath_prepend(folder / "src")
    from quartapp_corkboard.plugin import CorkboardPlugin

    yield CorkboardPlugin, folder / "contract"
    for name in [name for name in sys.modules if name.startswith("quartapp_corkboard")]:
        del sys.modules[name]


async def test_plugin_that_keeps_to_its_contract_passes(quartapp_contract, corkboard):
    implementation, folder = corkboard
    await quartapp_contract("corkboard", folder, beside=[implementation])


async def test_a_plugin_with_pages_and_forms_passes(
    quartapp_contract, example, tmp_path, pytestconfig
):
    guests = example("pages", HOW_TO).GuestsPlugin
    pytestconfig.option.write_contract = True
    try:
        await quartapp_contract("guests", tmp_path, beside=[guests])
    finally:
        pytestconfig.option.write_contract = False
    assert "/guests/book" in (tmp_path / "openapi.yaml").read_text()


async def test_a_route_that_differs_from_the_file_is_named(check, corkboard):
    implementation, folder = corkboard
    path = folder / "openapi.yaml"
    path.write_text(path.read_text().replace("operationId: getCorkboard", "operationId: getBoard"))
    told = await check(implementation, folder, "corkboard")
    assert "openapi.yaml: GET /api/v1/corkboard" in told
    assert "getBoard" in told


async def test_an_event_that_differs_from_the_file_is_named(check, corkboard):
    implementation, folder = corkboard
    path = folder / "asyncapi.yaml"
    path.write_text(path.read_text().replace("maxLength: 200", "maxLength: 300"))
    told = await check(implementation, folder, "corkboard")
    assert "asyncapi.yaml: CORKBOARD_WRITE from the client" in told
    assert "300" in told


async def test_without_files_it_says_how_to_get_them(check):
    told = await check(plugin(honest))
    assert "openapi.yaml cannot be read" in told
    assert "pytest --write-contract writes it" in told


async def test_undeclared_names_are_listed_together(check):
    async def silent(body):
        return {"number": 1}

    told = await check(plugin(silent, tags=(), body=Doubled))
    for missing in ("docstring", "tag", "what answers a bad one"):
        assert missing in told


async def test_an_event_without_a_summary_is_named(check):
    class Quiet:
        name = "odd"

        @hookimpl
        def register_events(self):
            return [EventType(name="QUIET", data=EventData, handler=print)]

    assert "event QUIET: it has no summary" in await check(Quiet)


async def test_event_without_checks_is_found(check):
    class Odd:
        name = "odd"

        @hookimpl
        def register_events(self):
            return [EventType(name="ODD", data=CarelessText, handler=accept, summary="Odd.")]

    told = await check(Odd)
    for role in ("student", "teacher"):
        assert f"event ODD: a {role} who sends it without data is not told 'Invalid mess" in told


async def test_the_people_are_of_the_roles_that_are_given(quartapp_contract, tmp_path):
    class Odd:
        name = "odd"

        @hookimpl
        def register_events(self):
            return [EventType(name="ODD", data=CarelessText, handler=accept, summary="Odd.")]

        @hookimpl
        def register_roles(self):
            return [Role("librarian", label="Librarian")]

    with pytest.raises(AssertionError) as caught:
        await quartapp_contract("odd", tmp_path, beside=[Odd], roles=["student", "librarian"])

    assert "event ODD: a student who" in str(caught.value)
    assert "event ODD: a librarian who" in str(caught.value)
    assert "event ODD: a teacher who" not in str(caught.value)


async def test_the_fuzz_knows_what_was_prepared(quartapp_contract, tmp_path, pytestconfig):
    async def lying(thing):
        """Return a number, except for one thing."""
        return {"number": "one" if thing == "the-thing-that-is-there" else 1}

    blueprint = Blueprint("odd", __name__)
    declared = Operation(id="odd", access=PUBLIC, tags=("odd",), data=Number, database=False)
    blueprint.get("/odd/<thing>")(declared(lying))

    class Odd:
        name = "odd"

        @hookimpl
        def register_blueprints(self):
            return [blueprint]

    async def prepare(server, people):
        roles = ("admin", "student", "teacher")
        assert {role: len(some) for role, some in people.items()} == dict.fromkeys(roles, 2)
        return {"path.thing": ["the-thing-that-is-there"]}

    pytestconfig.option.write_contract = True
    try:
        with pytest.raises(AssertionError, match="as nobody:") as caught:
            await quartapp_contract("odd", tmp_path, beside=[Odd], prepare=prepare)
    finally:
        pytestconfig.option.write_contract = False
    assert "Response violates schema" in str(caught.value)


class Long(Body):
    text: str = Field(min_length=1, max_length=400)


async def test_a_body_that_is_larger_than_its_operation_allows_is_no_failure(
    quartapp_contract, tmp_path, pytestconfig
):
    blueprint = Blueprint("odd", __name__)
    declared = Operation(
        id="odd",
        access=PUBLIC,
        tags=("odd",),
        data=Number,
        body=Long,
        max_body=40,
        invalid=Refusal(422, "Invalid request schema"),
        database=False,
    )
    seen = []

    async def short(body):
        """Return the length of a text."""
        seen.append(body.text)
        return {"number": len(body.text)}

    blueprint.post("/odd")(declared(short))

    class Odd:
        name = "odd"

        @hookimpl
        def register_blueprints(self):
            return [blueprint]

    pytestconfig.option.write_contract = True
    try:
        await quartapp_contract("odd", tmp_path, beside=[Odd], roles=[])
    finally:
        pytestconfig.option.write_contract = False
    assert seen


LYING = {"fuzz": False, "why": "the number is a word on Sundays"}


async def lying():
    """Return a number."""
    return {"number": "one"}


@pytest.fixture
def writing(pytestconfig):
    pytestconfig.option.write_contract = True
    yield
    pytestconfig.option.write_contract = False


async def test_a_route_that_is_not_to_be_fuzzed_is_left_alone_beside_one_that_is(
    quartapp_contract, tmp_path, writing, request
):
    blueprint = Blueprint("odd", __name__)
    declared = {"access": PUBLIC, "tags": ("odd",), "data": Number, "database": False}
    blueprint.get("/odd")(Operation(id="lie", **declared, **LYING)(lying))
    blueprint.post("/odd")(Operation(id="odd", **declared)(honest))

    class Odd:
        name = "odd"

        @hookimpl
        def register_blueprints(self):
            return [blueprint]

    await quartapp_contract("odd", tmp_path, beside=[Odd])

    assert request.node.user_properties == [
        ("not fuzzed", "GET /odd: the number is a word on Sundays")
    ]
    assert "x-not-fuzzed: the number is a word" in (tmp_path / "openapi.yaml").read_text()


async def test_where_no_route_is_to_be_fuzzed_there_is_no_fuzz(
    quartapp_contract, tmp_path, writing, request
):
    await quartapp_contract("odd", tmp_path, beside=[plugin(lying, **LYING)])

    assert [name for name, _ in request.node.user_properties] == ["not fuzzed"]
    assert not (tmp_path / "nobody").exists()


async def test_a_reason_that_differs_from_the_file_is_named(check, quartapp_contract, tmp_path):
    (tmp_path / "openapi.yaml").write_text("openapi: 3.1.0\npaths: {/odd: {get: {responses: {}}}}")
    told = await check(plugin(lying, **LYING))
    assert 'x-not-fuzzed: null in openapi.yaml and "the number is a word on Sundays"' in told


def test_the_end_of_a_run_lists_what_was_not_fuzzed_once(tmp_path):
    test = tmp_path / "test_twice.py"
    test.write_text(
        "import pytest\n@pytest.mark.parametrize('number', [1, 2])\n"
        "def test(number, record_property):\n"
        "    record_property('not fuzzed', 'GET /odd: it is odd')\n"
    )
    done = subprocess.run(  # noqa: S603 - our own
        [
            *(sys.executable, "-m", "pytest", "-c", "/dev/null", str(test)),
            *("-p", "no:cacheprovider", "-p", "no:schemathesis"),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    _, section, rest = done.stdout.partition("= not fuzzed =")
    assert section
    assert rest.count("GET /odd: it is odd") == 1


async def test_route_with_an_undeclared_answer_is_found(quartapp_contract, tmp_path, pytestconfig):
    async def lying():
        """Return a number."""
        return {"number": "one"}

    implementation = plugin(lying)
    pytestconfig.option.write_contract = True
    try:
        with pytest.raises(AssertionError, match="as nobody:") as caught:
            await quartapp_contract("odd", tmp_path, beside=[implementation])
    finally:
        pytestconfig.option.write_contract = False
    assert "Response violates schema" in str(caught.value)


async def test_a_plugin_that_is_not_loaded_is_named(quartapp_contract, tmp_path):
    from quartapp.errors import PluginError

    with pytest.raises(PluginError, match="plugin nobody is not loaded; loaded are auth, classes"):
        await quartapp_contract("nobody", tmp_path)
