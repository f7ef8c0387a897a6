"""``quartapp_contract``, the fixture that tests a plugin against its contract files."""

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
    asyncapi_of_plugin,
    events_of,
    openapi_of_plugin,
    plugin_of,
    routes_of,
)
from quartapp.errors import QuartappError
from quartapp.http.declaration import MAX_BODY_BYTES
from quartapp.http.routes import routes
from quartapp.parts import core
from quartapp.realtime.messages import INVALID_FORMAT
from quartapp.testing.fuzz import fuzz, left_out_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from quart import Quart

    from quartapp.encoding import JsonObject
    from quartapp.http.routes import Route
    from quartapp.plugin import LoadedPlugin
    from quartapp.realtime.events import EventType
    from quartapp.testing.clients import Person
    from quartapp.testing.fuzz import LeftOut
    from quartapp.testing.servers import Serve, TestServer

OPENAPI, ASYNCAPI = "openapi.yaml", "asyncapi.yaml"
WRITE = "--write-contract"
_ACCEPTED = ("2xx", "3xx", "401", "403", "404", "409", "429", "5xx")
_REJECTED = ("400", "401", "403", "404", "405", "406", "409", "415", "422", "428", "429", "5xx")
NOT_FUZZED = "not fuzzed"
"""Property of a test's report: an operation that was not fuzzed, with the reason."""
PEOPLE_PER_ROLE = 2  # the first makes the requests; nothing of the second may be visible


class Prepare(Protocol):
    """A function that prepares the server for the fuzz of a plugin."""

    async def __call__(
        self, server: TestServer, people: Mapping[str, Sequence[Person]]
    ) -> Mapping[str, Sequence[str]]:
        """Create resources on the server, and return their ids as values of parameters.

        Args:
            server: The server that is fuzzed.
            people: The people for whom requests are made, by role.

        Returns:
            Values that exist on the server, by the place and the name of a parameter or field:
            ``{"path.book_id": [...], "body.bookId": [...]}``.
        """


class QuartappContract(Protocol):
    """The fixture ``quartapp_contract``."""

    async def __call__(
        self,
        plugin: str,
        folder: Path,
        *,
        beside: Iterable[object] = (),
        roles: Iterable[str] | None = None,
        prepare: Prepare | None = None,
        **settings: Any,  # noqa: ANN401 - of any field
    ) -> None:
        """Test one plugin against its contract, on a server of its own.

        Every route and event must have a description. The documents that the app generates must be
        valid and must equal the files; ``pytest --write-contract`` writes the files first. Then the
        test sends each event as a person of the wrong role and with invalid data, and fuzzes each
        route without a sign-in and as a person of each role. The end of the test run lists the
        routes with ``fuzz=False``, with their reasons.

        Args:
            plugin: Name of the plugin.
            folder: Folder of the plugin's ``openapi.yaml`` and ``asyncapi.yaml``.
            beside: Plugins to add to the installed ones.
            roles: Roles of the people for whom requests are made; by default all roles that the
                server's routes and events name.
            prepare: Function that creates resources for the fuzz on the server.
            settings: Fields of :class:`quartapp.settings.core.Settings`.

        Raises:
            AssertionError: The plugin breaks its contract; the message lists every difference.
        """


@pytest.fixture
def quartapp_contract(
    serve: Serve, tmp_path: Path, request: pytest.FixtureRequest
) -> QuartappContract:
    """Return the function that tests a plugin; see :class:`QuartappContract`."""

    async def run(
        plugin: str,
        folder: Path,
        *,
        beside: Iterable[object] = (),
        roles: Iterable[str] | None = None,
        prepare: Prepare | None = None,
        **settings: Any,  # noqa: ANN401 - of any field
    ) -> None:
        server = await serve(beside=beside, **settings)
        owner = plugin_of(server.app, plugin)
        openapi, asyncapi = (
            openapi_of_plugin(server.app, owner),
            asyncapi_of_plugin(server.app, owner),
        )
        if request.config.getoption(WRITE):
            _write(folder / OPENAPI, openapi)
            _write(folder / ASYNCAPI, asyncapi)
        speakers = {
            role: await server.people(role, PEOPLE_PER_ROLE)
            for role in (_roles(server.app) if roles is None else roles)
        }
        problems = [
            *_undeclared(server.app, owner, openapi),
            *_invalid(openapi, asyncapi),
            *_drift(folder, openapi, asyncapi),
            *await _misbehaving_events(server, events_of(server.app, owner), speakers),
        ]
        assert not problems, "\n".join(["", *problems])  # noqa: S101 - in tests
        left_out = left_out_of(openapi)
        request.node.user_properties.extend((NOT_FUZZED, str(operation)) for operation in left_out)
        if sum(map(len, openapi["paths"].values())) > len(left_out):
            known = await prepare(server, speakers) if prepare is not None else {}
            path = tmp_path / "plugin.json"
            path.write_text(json.dumps(openapi), encoding="utf-8")
            await _fuzz(server, path, tmp_path, speakers, known, left_out)

    return run


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that writes the contract."""
    parser.getgroup("quartapp").addoption(
        WRITE,
        action="store_true",
        help="Write the contract that quartapp_contract compares with, before it does.",
    )


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """List the operations that were not fuzzed, with their reasons."""
    lines = [
        str(value)
        for reports in terminalreporter.stats.values()
        for report in reports
        if isinstance(report, pytest.TestReport) and report.when == "call"
        for name, value in report.user_properties
        if name == NOT_FUZZED
    ]
    if lines:
        terminalreporter.section(NOT_FUZZED)
        for line in sorted(set(lines)):
            terminalreporter.line(line)


def _undeclared(app: Quart, plugin: LoadedPlugin, openapi: JsonObject) -> Iterator[str]:
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


def _invalid(openapi: JsonObject, asyncapi: JsonObject) -> Iterator[str]:
    # The extra "contract" brings these packages; a server runs without them.
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


def _drift(folder: Path, openapi: JsonObject, asyncapi: JsonObject) -> Iterator[str]:
    try:
        names = (OPENAPI, "the plugin")
        for difference in openapi_differences(read_document(folder / OPENAPI), openapi, names):
            yield f"{OPENAPI}: {difference}"
        for line in asyncapi_differences(read_document(folder / ASYNCAPI), asyncapi):
            yield f"{ASYNCAPI}: {line}"
    except QuartappError as error:
        yield f"{error}; pytest {WRITE} writes it"


def _roles(app: Quart) -> list[str]:
    """Return the roles that the routes and events of ``app`` name."""
    named = {route.operation.access.role for route in routes(app)}
    named.update(event.role for event in core(app).events)
    return sorted(role for role in named if role is not None)


def _may_send(app: Quart, event: EventType, role: str) -> bool:
    if event.permission is not None:
        return event.permission in core(app).roles.permissions_of(role)
    return event.role in (None, role)


async def _misbehaving_events(
    server: TestServer, events: list[EventType], speakers: Mapping[str, Sequence[Person]]
) -> list[str]:
    problems = []
    sockets = {role: await server.socket(people[0]) for role, people in speakers.items()}
    for event in events:
        for role, socket in sockets.items():
            if not _may_send(server.app, event, role):
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


async def _fuzz(
    server: TestServer,
    document: Path,
    folder: Path,
    speakers: Mapping[str, Sequence[Person]],
    known: Mapping[str, Sequence[str]],
    left_out: Sequence[LeftOut],
) -> None:
    configuration = "".join(map(_may_be_too_large, routes(server.app)))
    for role, people in {"nobody": (), **speakers}.items():
        place = folder / role
        place.mkdir()
        outcome = await asyncio.to_thread(
            fuzz,
            str(document),
            server.url,
            place,
            peers=people,
            known=known,
            left_out=left_out,
            configuration=configuration,
        )
        assert outcome.status == 0, f"as {role}:\n{outcome.told}"  # noqa: S101 - in tests
        assert outcome.total > 0, f"as {role}: nothing was tried\n{outcome.told}"  # noqa: S101


def _may_be_too_large(route: Route) -> str:
    """Return the exemption of a route whose limit is smaller than bodies that fit its schema."""
    operation = route.operation
    takes_body = operation.body is not None or operation.form is not None
    if operation.max_body >= MAX_BODY_BYTES or not takes_body or not operation.fuzz:
        return ""
    # What schemathesis expects by default, and 413: the size is checked before the content.
    return f"""
[[operations]]
include-operation-id = {json.dumps(operation.id)}
checks.positive_data_acceptance.expected-statuses = {json.dumps([*_ACCEPTED, "413"])}
checks.negative_data_rejection.expected-statuses = {json.dumps([*_REJECTED, "413"])}
"""


def _write(path: Path, document: JsonObject) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    tidy = {key: _untitled(part) if key != "info" else part for key, part in document.items()}
    text = yaml.safe_dump(tidy, sort_keys=False, allow_unicode=True, width=100)
    path.write_text(text, encoding="utf-8")


def _untitled(node: Any) -> Any:  # noqa: ANN401 - JSON
    """Return ``node`` without the titles that pydantic derives from names; nobody reads them."""
    if isinstance(node, list):
        return [_untitled(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {
        key: _untitled(value)
        for key, value in node.items()
        if key != "title" or not isinstance(value, str)
    }
