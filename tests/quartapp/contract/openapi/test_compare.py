"""openapi.yaml is what the server does, and a difference is told."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate
from quart import Blueprint

from quartapp.app import unconnected_app
from quartapp.cli.contract_check import check
from quartapp.contract import openapi_document
from quartapp.contract.files import openapi_file, read_document
from quartapp.contract.openapi.compare import differences
from quartapp.errors import QuartappError
from quartapp.hooks.discovery import discover
from quartapp.hooks.specs import hookimpl
from quartapp.http.models import Closed
from quartapp.http.operation import Operation
from quartapp.identity.access import PUBLIC
from quartapp.settings.core import Settings
from tests.support.plugins import DEFAULT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

BUNDLED = DEFAULT
LOGIN = "/api/v1/auth/login"
STUDENTS = "/api/v1/class/students"


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.chdir(tmp_path)
    return Settings()


@pytest.fixture(scope="module")
def authority() -> dict[str, Any]:
    return read_document(openapi_file())


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("nothing"))
        return openapi_document(unconnected_app(Settings(), discover(BUNDLED)))


@pytest.fixture
def generated(plain: dict[str, Any]) -> dict[str, Any]:
    """Return the document of the bundled plugins, which the test may change."""
    return copy.deepcopy(plain)


class Book(Closed):
    title: str


class Library:
    """A plugin that brings a route."""

    name = "library"

    @hookimpl
    def register_blueprints(self) -> list[Blueprint]:
        blueprint = Blueprint("library", __name__)

        @blueprint.get("/books")
        @Operation(id="listBooks", access=PUBLIC, tags=("library",), data=list[Book])
        async def books() -> list[Book]:
            return []

        return [blueprint]


def test_openapi_yaml_is_a_valid_document(authority: dict[str, Any]) -> None:
    validate(authority)


def test_the_generated_document_is_valid_with_plugins(settings: Settings) -> None:
    validate(openapi_document(unconnected_app(settings, [*discover(BUNDLED), Library()])))


def test_the_server_keeps_to_the_contract(settings: Settings) -> None:
    report = check(settings, discover(BUNDLED))

    assert report.drift == ()
    assert report.additions == ()


def test_two_documents_are_the_same_as_themselves(
    authority: dict[str, Any], generated: dict[str, Any]
) -> None:
    assert differences(authority, authority) == []
    assert differences(generated, generated) == []


def without_status(document: dict[str, Any]) -> None:
    del document["paths"][LOGIN]["post"]["responses"]["400"]


def another_message(document: dict[str, Any]) -> None:
    error = document["components"]["schemas"]["WrongPasswordError"]["properties"]["error"]
    error["enum"] = ["Invalid password"]


def another_pattern(document: dict[str, Any]) -> None:
    document["components"]["schemas"]["ObjectId"]["pattern"] = "^[0-9A-F]{24}$"


def another_role(document: dict[str, Any]) -> None:
    document["paths"][STUDENTS]["get"]["x-role"] = "any"


def no_security(document: dict[str, Any]) -> None:
    document["paths"][STUDENTS]["get"]["security"] = []


def another_id(document: dict[str, Any]) -> None:
    document["paths"][LOGIN]["post"]["operationId"] = "signIn"


def another_tag(document: dict[str, Any]) -> None:
    document["paths"][LOGIN]["post"]["tags"] = ["accounts"]


def body_left_out(document: dict[str, Any]) -> None:
    document["components"]["requestBodies"]["Credentials"]["required"] = False


def another_limit(document: dict[str, Any]) -> None:
    parameters = document["paths"][STUDENTS]["get"]["parameters"]
    next(p for p in parameters if p["name"] == "limit")["schema"]["maximum"] = 1000


def no_parameter(document: dict[str, Any]) -> None:
    parameters = document["paths"][STUDENTS]["get"]["parameters"]
    parameters[:] = [p for p in parameters if p["name"] != "after"]


def no_header(document: dict[str, Any]) -> None:
    del document["components"]["responses"]["Unauthorized"]["headers"]


def another_field(document: dict[str, Any]) -> None:
    token = document["components"]["schemas"]["Token"]
    token["properties"]["expires"] = {"type": "integer"}


def optional_field(document: dict[str, Any]) -> None:
    document["components"]["schemas"]["Token"]["required"] = []


def open_answer(document: dict[str, Any]) -> None:
    del document["components"]["schemas"]["Token"]["x-server-additionalProperties"]


def another_media_type(document: dict[str, Any]) -> None:
    content = document["components"]["responses"]["Page"]["content"]
    content["text/plain"] = content.pop("text/html")


def no_operation(document: dict[str, Any]) -> None:
    del document["paths"][LOGIN]


def another_operation(document: dict[str, Any]) -> None:
    document["paths"]["/books"] = {"get": {"operationId": "listBooks", "responses": {}}}


def another_scheme(document: dict[str, Any]) -> None:
    document["components"]["securitySchemes"]["bearer"]["bearerFormat"] = "opaque"


@pytest.mark.parametrize(
    ("plant", "told"),
    [
        (without_status, "POST /api/v1/auth/login: 400 only in the server"),
        (
            another_message,
            'POST /api/v1/auth/login 400: schema.error.enum: "Invalid password" '
            "only in openapi.yaml",
        ),
        (another_pattern, "schema.data._id.pattern: "),
        (another_role, 'GET /api/v1/class/students x-role: "any" in openapi.yaml and "teacher"'),
        (no_security, 'GET /api/v1/class/students security: {"bearer": []} only in the server'),
        (another_id, 'operationId: "signIn" in openapi.yaml and "login" in the server'),
        (another_tag, 'POST /api/v1/auth/login tags: "accounts" only in openapi.yaml'),
        (body_left_out, "POST /api/v1/auth/login request: required: false in openapi.yaml"),
        (another_limit, "query parameter limit: schema.maximum: 1000 in openapi.yaml and 500"),
        (no_parameter, "GET /api/v1/class/students: query parameter after only in the server"),
        (no_header, "GET /api/v1/auth/me 401: header www-authenticate only in the server"),
        (another_field, "POST /api/v1/auth/login 200: schema.data: expires only in openapi.yaml"),
        (optional_field, "POST /api/v1/auth/login 200: schema.data: required"),
        (open_answer, "login 200: schema.data: additionalProperties only in the server"),
        (another_media_type, "GET /docs 200: text/html only in the server"),
        (no_operation, "operations: POST /api/v1/auth/login only in the server"),
        (another_operation, "operations: GET /books only in openapi.yaml"),
        (another_scheme, 'bearer: bearerFormat: "opaque" in openapi.yaml and "JWT" in the server'),
    ],
)
def test_a_planted_drift_is_told(
    plant: Callable[[dict[str, Any]], None],
    told: str,
    authority: dict[str, Any],
    generated: dict[str, Any],
) -> None:
    altered = copy.deepcopy(authority)
    plant(altered)

    found = [str(difference) for difference in differences(altered, generated)]

    assert any(told in difference for difference in found), found


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"const": 1}, {"enum": [1]}),
        ({"type": "string", "enum": ["a", "b"]}, {"enum": ["b", "a"]}),
        ({"type": ["string", "null"]}, {"anyOf": [{"type": "string"}, {"type": "null"}]}),
        (
            {"enum": ["a", None]},
            {"anyOf": [{"type": "null"}, {"type": "string", "const": "a"}], "default": None},
        ),
        ({"type": "object", "additionalProperties": True}, {"type": "object", "required": []}),
        ({"type": "string", "title": "A", "examples": ["x"]}, {"type": "string"}),
        ({"$ref": "#/components/schemas/Name"}, {"type": "string", "minLength": 1}),
    ],
)
def test_equivalent_documents_have_no_difference(one: object, other: object) -> None:
    def document(schema: object) -> dict[str, Any]:
        content = {"application/json": {"schema": schema}}
        operation = {"responses": {"200": {"description": "", "content": content}}}
        names = {"Name": {"type": "string", "minLength": 1}}
        return {"paths": {"/x": {"get": operation}}, "components": {"schemas": names}}

    assert differences(document(one), document(other)) == []


def test_the_additions_of_a_plugin_are_no_drift(settings: Settings) -> None:
    report = check(settings, [*discover(BUNDLED), Library()])

    assert report.drift == ()
    assert report.additions == ("GET /books (listBooks), of plugin library (given)",)


def test_a_missing_plugin_is_drift(settings: Settings) -> None:
    report = check(settings, discover(["auth"]))

    assert "GET /api/v1/class: this configuration does not have it" in report.drift


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("paths: {", "does not parse"),
        ("- paths", "there is no object in it"),
        ("openapi: 3.1.0", "is no OpenAPI document"),
        ("paths: {/x: {get: {responses: {'200': {$ref: '#/nowhere'}}}}}", "leads nowhere"),
        ("paths: {/x: {get: {responses: {'200': {$ref: 'x.yaml'}}}}}", "leads out of it"),
    ],
)
def test_a_contract_file_that_does_not_parse_is_named(
    text: str, told: str, settings: Settings, tmp_path: Path
) -> None:
    path = tmp_path / "openapi.yaml"
    path.write_text(text)

    with pytest.raises(QuartappError, match=r"openapi\.yaml.*" + told):
        check(settings, discover(BUNDLED), openapi=path)


def test_models_with_one_name_are_kept_apart(settings: Settings) -> None:
    def plugin(number: int, kind: type) -> object:
        answer = type("Item", (Closed,), {"__annotations__": {"value": kind}, "__module__": "x"})
        blueprint = Blueprint(f"plugin{number}", __name__)

        @blueprint.get(f"/items{number}")
        @Operation(id=f"listItems{number}", access=PUBLIC, tags=(), data=list[answer])
        async def items() -> list[object]:
            return []

        class Plugin:
            name = f"plugin{number}"

            @hookimpl
            def register_blueprints(self) -> list[Blueprint]:
                return [blueprint]

        return Plugin()

    document = openapi_document(unconnected_app(settings, [plugin(1, str), plugin(2, int)]))

    def type_of(number: int) -> str:
        schema = document["paths"][f"/items{number}"]["get"]["responses"]["200"]["content"]
        reference = schema["application/json"]["schema"]["properties"]["data"]["items"]["$ref"]
        model = document["components"]["schemas"][reference.rpartition("/")[2]]
        return str(model["properties"]["value"]["type"])

    assert (type_of(1), type_of(2)) == ("string", "integer")


def test_every_example_fits_its_schema(authority: dict[str, Any]) -> None:
    found = 0
    for content in contents(authority, authority):
        examples = [holder.get("value") for holder in content.get("examples", {}).values()]
        examples += [content["example"]] if "example" in content else []
        schema = {**content["schema"], "components": authority["components"]}
        for example in examples:
            Draft202012Validator(schema).validate(example)
            found += 1
    assert found > 50


def contents(node: Any, document: dict[str, Any]) -> list[dict[str, Any]]:
    """Every media type object below ``node``, with references to examples resolved."""
    if isinstance(node, list):
        return [found for item in node for found in contents(item, document)]
    if not isinstance(node, dict):
        return []
    found = [content for value in node.values() for content in contents(value, document)]
    if "schema" in node and ("examples" in node or "example" in node):
        examples = {
            name: document["components"]["examples"][holder["$ref"].rpartition("/")[2]]
            if "$ref" in holder
            else holder
            for name, holder in node.get("examples", {}).items()
        }
        found.append({**node, "examples": examples})
    return found


def test_document_declares_the_owner_where_it_refuses_others(authority: dict[str, Any]) -> None:
    document = json.loads(json.dumps(authority))
    for item in document["paths"].values():
        for method, operation in item.items():
            if method == "parameters" or operation["x-role"] != "teacher":
                continue
            name = operation["responses"]["403"]["$ref"].rpartition("/")[2]
            forbidden = document["components"]["responses"][name]
            owner = "Forbidden, not class teacher" in json.dumps(forbidden)
            assert operation.get("x-owner", False) == owner, operation["operationId"]


def test_the_document_survives_yaml(generated: dict[str, Any]) -> None:
    assert differences(yaml.safe_load(yaml.safe_dump(generated)), generated) == []
