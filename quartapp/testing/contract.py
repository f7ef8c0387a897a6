"""``quartapp_contract``: whether a plugin keeps to the contract that comes with it."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, Protocol

import pytest
import yaml

from quartapp.contract.asyncapi.compare import differences as asyncapi_differences
from quartapp.contract.asyncapi.compare import normalised
from quartapp.contract.files import read_document
from quartapp.contract.openapi.compare import differences as openapi_differences
from quartapp.contract.plugin_documents import (
    asyncapi_piece,
    events_of,
    openapi_piece,
    plugin_of,
    routes_of,
)
from quartapp.errors import QuartappError
from quartapp.realtime.messages import INVALID_FORMAT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from quart import Quart

    from quartapp.plugin import LoadedPlugin
    from quartapp.realtime.events import EventType
    from quartapp.testing.clients import Person
    from quartapp.testing.servers import Serve, TestServer

OPENAPI, ASYNCAPI = "openapi.yaml", "asyncapi.yaml"
WRITE = "--write-contract"
ROLES = ("teacher", "student")

Object = dict[str, Any]  # any: a JSON object


class QuartappContract(Protocol):
    """The fixture ``quartapp_contract``."""

    async def __call__(
        self,
        plugin: str,
        folder: Path,
        *,
        beside: Iterable[object] = (),
        **settings: Any,  # noqa: ANN401 - of any field
    ) -> None:
        """Run the contract over one plugin, on a server of its own.

        Every route and event has to say what it is. What the app generates has to be valid, and
        has to be what the files say; with ``pytest --write-contract`` the files are written
        first. Then each event is sent as the wrong person and with data that does not fit, and
        each route is fuzzed as nobody, as a teacher and as a student.

        Args:
            plugin: The plugin's name.
            folder: Where its ``openapi.yaml`` and ``asyncapi.yaml`` are.
            beside: Plugins to add to the installed ones.
            settings: Fields of :class:`quartapp.settings.core.Settings`.

        Raises:
            AssertionError: With everything that was found.
        """


@pytest.fixture
def quartapp_contract(
    serve: Serve, tmp_path: Path, request: pytest.FixtureRequest
) -> QuartappContract:
    """Runs the contract over a plugin; see :class:`QuartappContract`."""

    async def run(
        plugin: str,
        folder: Path,
        *,
        beside: Iterable[object] = (),
        **settings: Any,  # noqa: ANN401 - of any field
    ) -> None:
        server = await serve(beside=beside, **settings)
        owner = plugin_of(server.app, plugin)
        openapi, asyncapi = openapi_piece(server.app, owner), asyncapi_piece(server.app, owner)
        if request.config.getoption(WRITE):
            _write(folder / OPENAPI, openapi)
            _write(folder / ASYNCAPI, asyncapi)
        problems = [
            *_undeclared(server.app, owner, openapi),
            *_invalid(openapi, asyncapi),
            *_drift(folder, openapi, asyncapi),
            *await _misbehaving_events(server, events_of(server.app, owner)),
        ]
        assert not problems, "\n".join(["", *problems])  # noqa: S101 - in tests
        if openapi["paths"]:
            path = tmp_path / "piece.json"
            path.write_text(json.dumps(openapi), encoding="utf-8")
            await _fuzz(server, path, tmp_path)

    return run


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that writes the contract."""
    parser.getgroup("quartapp").addoption(
        WRITE,
        action="store_true",
        help="Write the contract that quartapp_contract compares with, before it does.",
    )


def _undeclared(app: Quart, plugin: LoadedPlugin, openapi: Object) -> Iterator[str]:
    for route in routes_of(app, plugin):
        operation = route.operation
        if not operation.documented:
            continue
        documented = openapi["paths"][route.path][route.method.lower()]
        if not documented.get("summary"):
            yield f"{route}: its view needs a docstring, which becomes the summary"
        if not operation.tags:
            yield f"{route}: it has no tag, and is listed nowhere"
        if operation.invalid is None and (operation.body or operation.query):
            yield f"{route}: it takes a body or a query, and does not say what answers a bad one"
    for event in events_of(app, plugin):
        if not event.summary:
            yield f"event {event.name}: it has no summary"
        for answer in event.answers:
            if not answer.summary:
                yield f"event {answer.name}, from the server: it has no summary"


def _invalid(openapi: Object, asyncapi: Object) -> Iterator[str]:
    # Of the extra "contract": who only serves does not need them.
    from jsonschema import Draft202012Validator, SchemaError
    from openapi_spec_validator import OpenAPIV31SpecValidator

    for error in OpenAPIV31SpecValidator(openapi).iter_errors():
        yield f"the generated {OPENAPI} is not valid: {error.message}"
    try:
        normalised(asyncapi)
    except QuartappError as error:
        yield f"the generated {ASYNCAPI} is not valid: {error}"
    for name, message in asyncapi["components"]["messages"].items():
        try:
            Draft202012Validator.check_schema(message["payload"])
        except SchemaError as error:
            yield f"the generated {ASYNCAPI} is not valid: {name}: {error.message}"


def _drift(folder: Path, openapi: Object, asyncapi: Object) -> Iterator[str]:
    try:
        names = (OPENAPI, "the plugin")
        for difference in openapi_differences(read_document(folder / OPENAPI), openapi, names):
            yield f"{OPENAPI}: {difference}"
        for line in asyncapi_differences(read_document(folder / ASYNCAPI), asyncapi):
            yield f"{ASYNCAPI}: {line}"
    except QuartappError as error:
        yield f"{error}; pytest {WRITE} writes it"


async def _misbehaving_events(server: TestServer, events: list[EventType]) -> list[str]:
    problems = []
    people = {role: await server.person(role) for role in ROLES}
    sockets = {role: await server.socket(person) for role, person in people.items()}
    for event in events:
        for role, socket in sockets.items():
            if event.role not in (None, role):
                expected = event.wrong_role
            elif any(field.is_required() for field in event.data.model_fields.values()):
                expected = INVALID_FORMAT
            else:
                continue
            await socket.send(event.name, {})
            answers = await socket.drain()
            if {"event": "ERROR", "data": {"message": expected}} not in answers:
                problems.append(
                    f"event {event.name}: a {role} who sends it without data is not told "
                    f"{expected!r}, but {answers}"
                )
    return problems


async def _fuzz(server: TestServer, document: Path, folder: Path) -> None:
    from quartapp_contract_suite.http.fuzz import Known, fuzz  # it needs the extra "contract"

    teachers, students = await server.people("teacher", 2), await server.people("student", 2)
    rooms = [await server.class_room(teacher, students) for teacher in teachers]
    known = Known([student.id for student in students], [room["_id"] for room in rooms])
    speakers: dict[str, list[Person]] = {"nobody": [], "teacher": teachers, "student": students}
    for role, people in speakers.items():
        place = folder / role
        place.mkdir()
        outcome = await asyncio.to_thread(
            fuzz,
            str(document),
            server.url,
            place,
            known,
            [_Speaker(person) for person in people],
        )
        assert outcome.status == 0, f"as {role}:\n{outcome.output}"  # noqa: S101 - in tests
        assert outcome.total > 0, f"as {role}: nothing was tried\n{outcome.output}"  # noqa: S101


class _Speaker:
    """A person in the form that the suite knows."""

    def __init__(self, person: Person) -> None:
        self.id = person.id
        self.authorization = person.headers


def _write(path: Path, document: Object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    tidy = {key: _untitled(part) if key != "info" else part for key, part in document.items()}
    text = yaml.safe_dump(tidy, sort_keys=False, allow_unicode=True, width=100)
    path.write_text(text, encoding="utf-8")


def _untitled(node: Any) -> Any:  # noqa: ANN401 - JSON
    """``node`` without the titles that pydantic makes of names; nobody reads them."""
    if isinstance(node, list):
        return [_untitled(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {
        key: _untitled(value)
        for key, value in node.items()
        if key != "title" or not isinstance(value, str)
    }
