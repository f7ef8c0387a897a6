"""Every route says what it is and whose; one that does not is refused when the app is built."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from quart import Blueprint, Quart, url_for
from werkzeug.routing import BuildError

from quartapp.app import unconnected_app
from quartapp.contract import Route, routes
from quartapp.contract.files import openapi_file, read_document
from quartapp.contract.openapi.normal_form import normal_form
from quartapp.errors import QuartappError
from quartapp.hooks.discovery import discover
from quartapp.hooks.specs import hookimpl
from quartapp.http.conditional import PRECONDITION_FAILED
from quartapp.http.idempotency import CODES
from quartapp.http.operation import Operation
from quartapp.identity.access import PUBLIC
from quartapp.plugin import LoadedPlugin
from quartapp.settings.core import Settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

from quartapp_contract_suite.http.table import doors, table
from tests.support.plugins import DEFAULT

BUNDLED = DEFAULT


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.chdir(tmp_path)
    return Settings()


@pytest.fixture
def app(settings: Settings) -> Quart:
    return unconnected_app(settings, discover(BUNDLED))


async def view(**path: str) -> dict[str, str]:
    return {}


def declared(identifier: str) -> Callable[..., object]:
    return Operation(id=identifier, access=PUBLIC, tags=(), data=dict[str, str])(view)


def plugin(name: str, path: str, view: Callable[..., object], **rule: object) -> LoadedPlugin:
    """Return a plugin of its own distribution, with one route."""
    blueprint = Blueprint(name, __name__)
    blueprint.add_url_rule(path, "view", view, **rule)

    class Plugin:
        @hookimpl
        def register_blueprints(self) -> list[Blueprint]:
            return [blueprint]

    return LoadedPlugin(name, f"{name}-distribution 1.0", Plugin(), ())


def test_every_route_of_the_url_map_declares_its_access(app: Quart) -> None:
    known = {(route.method, route.operation.id) for route in routes(app)}
    for rule in app.url_map.iter_rules():
        if rule.websocket:
            assert rule.rule == "/ws"
            continue
        operation = app.view_functions[rule.endpoint].__quartapp_operation__
        assert operation.access.label in {"public", "any", "teacher", "student", "admin"}
        for method in rule.methods - {"HEAD"}:
            assert (method, operation.id) in known


def documented(app: Quart) -> list[Route]:
    return [route for route in routes(app) if route.operation.documented]


def test_every_route_is_in_openapi_yaml(app: Quart) -> None:
    contract = normal_form(read_document(openapi_file()), "openapi.yaml")

    assert {str(route) for route in documented(app)} == contract.keys() - {"security schemes"}


def test_every_route_is_in_the_table(app: Quart) -> None:
    tried = {row.operation for row in table.rows()}

    assert {route.operation.id for route in documented(app)} == tried


# Answers that no run of the table can have.
TRIED_ELSEWHERE = {
    ("getMe", 404),  # test_deleted_account_is_not_found
    ("login", 429),  # the suite's test_guessing.py, on a server of its own
    ("changePassword", 429),  # test_wrong_password_changes_nothing_and_counts_as_a_failed_sign_in
    ("changePassword", 404),  # for an account that goes after its token was looked at
    ("readEvents", 429),  # test_streams_and_sockets_share_the_limit_of_a_user
    # On a server without people: the plugin's test_setup.py.
    ("setUp", 400),
    ("setUp", 429),
    # On a server that sends mail: the tests of the mail plugin.
    ("forgotPassword", 429),
    # With more than a run makes, and without the libraries: the calendar plugin's tests.
    ("createTerm", 409),
    ("createHoliday", 409),
    ("addMeeting", 409),
    ("importHolidays", 501),
    # The same of the reports plugin.
    ("getRegisterXlsx", 501),
    ("getReportXlsx", 501),
}


LIVE = "attendance session is active"
LOCKED = "Forbidden, records are locked"
LATE = "Forbidden, too late for teachers"
STATUS = "Forbidden, status is set by others"
# The tests of the records plugin: no answer has the id of a live session, a lock would hold for all
# rows, the rows are of one day and of one version, and teachers set both statuses of the contract.
TRIED_BY_RECORDS = {
    *(
        (operation, LIVE)
        for operation in (
            *("getEndedSession", "finishSession", "correctRecord", "correctRecords"),
            *("getRecord", "getRecordHistory"),
        )
    ),
    *((operation, LOCKED) for operation in ("addSession", "finishSession", "correctRecord")),
    *((operation, LATE) for operation in ("finishSession", "correctRecord")),
    *((operation, STATUS) for operation in ("addSession", "correctRecord")),
    ("finishSession", "roll of the session is unknown"),
}


def test_every_answer_of_a_route_is_in_the_table(app: Quart) -> None:
    """But for those that the suite asks of all operations at once (also in ``test_retries.py``)."""
    of_headers = {PRECONDITION_FAILED[1], *(message for _, message in CODES)}
    tried = {
        (row.operation, row.status, row.body["error"])
        for row in [*table.rows(), *(row for one in doors.SETTINGS for row in doors.door_rows(one))]
        if isinstance(row.body, dict) and "error" in row.body
    }
    for route in documented(app):
        for status, refusals in route.operation.refusals().items():
            for refusal in refusals:
                if status in (401, 413, 500, 503) or refusal.message.endswith("access required"):
                    continue
                if refusal.message in of_headers:
                    continue
                if (route.operation.id, status) in TRIED_ELSEWHERE:
                    continue
                if (route.operation.id, refusal.message) in TRIED_BY_RECORDS:
                    continue
                assert (route.operation.id, status, refusal.message) in tried


def test_route_without_operation_is_refused_with_its_plugin(settings: Settings) -> None:
    with pytest.raises(
        QuartappError,
        match=r"plugin shelf \(shelf-distribution 1\.0\): route GET /shelf/\{number\} has no "
        r"operationId and no role",
    ):
        unconnected_app(settings, [plugin("shelf", "/shelf/<int:number>", view)])


def test_a_websocket_route_is_refused_with_its_plugin(settings: Settings) -> None:
    with pytest.raises(QuartappError, match=r"plugin chat \(chat-distribution 1\.0\).*events"):
        unconnected_app(settings, [plugin("chat", "/chat", view, websocket=True)])


def test_operation_id_is_unique(settings: Settings) -> None:
    with pytest.raises(
        QuartappError,
        match=r"operationId listBooks is used for both GET /a and GET /b, brought by "
        r"plugin a \(a-distribution 1\.0\) and plugin b \(b-distribution 1\.0\)",
    ):
        unconnected_app(
            settings,
            [plugin("a", "/a", declared("listBooks")), plugin("b", "/b", declared("listBooks"))],
        )


@pytest.mark.parametrize("path", ["/books/<key>", "/books/<string:other>"])
def test_path_is_taken_once_regardless_of_parameter_names(path: str, settings: Settings) -> None:
    with pytest.raises(
        QuartappError,
        match=r"route GET /books/\{\w+\} is brought by both plugin a \(a-distribution 1\.0\) and "
        r"plugin b \(b-distribution 1\.0\)",
    ):
        unconnected_app(
            settings,
            [
                plugin("a", "/books/<key>", declared("getBook")),
                plugin("b", path, declared("getOtherBook")),
            ],
        )


def test_a_plugin_cannot_take_a_route_of_the_core(settings: Settings) -> None:
    with pytest.raises(QuartappError, match=r"GET /healthz is brought by both quartapp itself and"):
        unconnected_app(settings, [plugin("health", "/healthz", declared("health"))])


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ({"fuzz": False}, 'operation odd has fuzz=False without a reason; say why="..."'),
        ({"fuzz": False, "why": ""}, "operation odd has fuzz=False without a reason"),
        ({"why": "it is odd"}, "operation odd has why= without fuzz=False"),
    ],
)
def test_an_operation_is_not_fuzzed_for_a_reason_or_not_at_all(settings, declared, said):
    operation = Operation(id="odd", access=PUBLIC, tags=(), data=dict[str, str], **declared)
    with pytest.raises(QuartappError, match="plugin odd") as caught:
        unconnected_app(settings, [plugin("odd", "/odd", operation(view))])
    assert said in str(caught.value)


async def test_urls_of_routes_have_their_parameters_and_a_query(settings: Settings) -> None:
    app = unconnected_app(settings, [plugin("shelf", "/shelf/<int:number>", declared("getShelf"))])

    async with app.test_request_context("/"):
        for _ in range(2):
            assert url_for("shelf.view", number=7) == "/shelf/7"
            assert url_for("shelf.view", number=7, side="left") == "/shelf/7?side=left"
        with pytest.raises(BuildError):
            url_for("shelf.view")
