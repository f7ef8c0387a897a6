"""What a server serves as its OpenAPI document is the file of the contract, and its plugins."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import pytest
from openapi_spec_validator import validate
from pydantic import Field
from quart import Blueprint

import quartapp_assignment
from quartapp.app import unconnected_app
from quartapp.contract import openapi_document
from quartapp.contract.files import openapi_file, read_document
from quartapp.contract.openapi.compare import differences
from quartapp.contract.openapi.served import served_document
from quartapp.hooks.discovery import discover
from quartapp.hooks.specs import hookimpl
from quartapp.http.models import Closed
from quartapp.http.operation import Operation
from quartapp.identity.access import PUBLIC
from quartapp.settings.core import Settings
from tests.support.plugins import OPTIONAL

if TYPE_CHECKING:
    from quart import Quart

BASE = "/api/v1"
SIGN_OUT = "Forbidden, the library is closed"


class Class(Closed):
    """A shelf, which has the name of a schema of the contract."""

    shelf: Annotated[str, Field(description="Where the books are.")]
    kind: Literal["fiction", "other"]


class Library:
    """A plugin with a route, and with a refusal of its own."""

    name = "library"
    messages = (SIGN_OUT,)

    @hookimpl
    def authorize(self) -> None:
        """Refuse nothing."""

    @hookimpl
    def register_blueprints(self) -> list[Blueprint]:
        blueprint = Blueprint("library", __name__)

        @blueprint.get("/books")
        @Operation(id="listBooks", access=PUBLIC, tags=("library",), data=list[Class])
        async def books() -> list[Class]:
            return []

        return [blueprint]


def app_with(*plugins: object, extra: tuple[str, ...] = ()) -> Quart:
    settings = Settings(mongodb_uri="mongodb://127.0.0.1:1/none", jwt_secret="x" * 32)
    return unconnected_app(settings, [*discover(extra=extra), *plugins])


@pytest.fixture(scope="module")
def file() -> dict[str, Any]:
    return read_document(openapi_file())


def resolved(document: dict[str, Any], node: Any) -> Any:
    """Return a part with everything that it refers to, so that names do not count."""
    if isinstance(node, list):
        return [resolved(document, item) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        found: Any = document
        for step in node["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        return resolved(document, found)
    return {key: resolved(document, value) for key, value in node.items()}


def test_the_default_server_serves_the_file(file: dict[str, Any]) -> None:
    served = served_document(app_with())

    assert served["paths"] == file["paths"]
    for key in ("info", "servers", "tags", "openapi", "jsonSchemaDialect"):
        assert served[key] == file[key]
    for kind, components in served["components"].items():
        if kind != "securitySchemes":
            for name, component in components.items():
                assert component == file["components"][kind][name], name
    assert (
        served["components"]["securitySchemes"].keys()
        == file["components"]["securitySchemes"].keys()
    )


@pytest.mark.parametrize("extra", [(), OPTIONAL], ids=["default plugins", "every plugin"])
def test_the_served_document_is_what_routes_declare(extra: tuple[str, ...]) -> None:
    app = app_with(extra=extra)

    assert differences(served_document(app), openapi_document(app)) == []
    validate(served_document(app))


def test_a_plugins_own_file_is_served_for_its_operations() -> None:
    app = app_with(extra=("assignment",))
    served = served_document(app)
    file = read_document(Path(quartapp_assignment.__file__).with_name("openapi.yaml"))

    for path, item in file["paths"].items():
        assert resolved(served, served["paths"][path]) == resolved(file, item)


def test_messages_and_operations_of_plugins_come_beside_the_file(file: dict[str, Any]) -> None:
    app = app_with(Library())
    served = served_document(app)

    assert differences(served, openapi_document(app)) == []
    me = served["paths"][f"{BASE}/auth/me"]["get"]
    assert me["summary"] == file["paths"][f"{BASE}/auth/me"]["get"]["summary"]
    assert SIGN_OUT in str(resolved(served, me["responses"]["403"]))
    answer = resolved(served, served["paths"]["/books"]["get"]["responses"]["200"])
    schema = answer["content"]["application/json"]["schema"]
    shelf = schema["properties"]["data"]["items"]
    assert shelf["properties"]["shelf"]["description"] == "Where the books are."
    assert shelf["properties"]["kind"]["x-server-enum"] == ["fiction", "other"]
    assert "additionalProperties" not in shelf
    assert "name of a schema" not in str(served)
    assert served["components"]["schemas"]["Class"] == file["components"]["schemas"]["Class"]
    assert {"name": "library"} in served["tags"]


def test_an_operation_that_differs_from_the_file_is_served_as_declared(
    monkeypatch: pytest.MonkeyPatch, file: dict[str, Any]
) -> None:
    changed = copy.deepcopy(file)
    del changed["components"]["schemas"]["Token"]["properties"]["token"]
    changed["components"]["schemas"]["Token"]["required"] = []
    monkeypatch.setattr("quartapp.contract.openapi.served.read_document", lambda path: changed)
    app = app_with()

    assert differences(served_document(app), openapi_document(app)) == []


def test_links_lead_to_operations_of_the_server() -> None:
    app = unconnected_app(
        Settings(mongodb_uri="mongodb://127.0.0.1:1/none", jwt_secret="x" * 32), discover(["auth"])
    )
    served = served_document(app)

    known = {
        op["operationId"]
        for item in served["paths"].values()
        for key, op in item.items()
        if key != "parameters"
    }
    links = served["components"]["links"]
    assert "login" in known
    assert "startAttendance" not in known
    assert {link["operationId"] for link in links.values()} <= known
    for item in served["paths"].values():
        for operation in (item[key] for key in item if key != "parameters"):
            for answer in operation["responses"].values():
                for link in answer.get("links", {}).values():
                    assert link["$ref"].rpartition("/")[2] in links


def test_statuses_of_plugins_are_told_in_the_schemas_of_the_file() -> None:
    schemas = served_document(app_with(extra=("statuses",)))["components"]["schemas"]

    assert schemas["RegisteredStatus"]["enum"][:2] == ["present", "absent"]
    assert "late" in schemas["RegisteredStatus"]["enum"]
    assert "late" in schemas["AttendanceStatus"]["x-extensible-enum"]
