"""Everything that a person can type has a limit, in every document of the contract."""

from __future__ import annotations

import re._constants
import re._parser
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "openapi.yaml", *sorted(ROOT.glob("plugins/*/openapi.yaml"))]
EVENTS = ROOT / "contracts" / "asyncapi.yaml"
LONGEST = 10_000
# Nobody types a file, and a body has a limit of its own.
FILES = {"post /api/v1/calendar/imports.calendar"}
LONGEST_FILE = 64 * 1024
# Ids in a path or a query may be any text, which then names nothing; the server limits the length
# of a request's line and headers.
EXEMPT = {("query", "classId"), ("query", "class_id")}


class Schemas:
    """The strings of the schemas of one document."""

    def __init__(self, document):
        self._document = document

    def resolved(self, node):
        """Return what a reference leads to."""
        while "$ref" in node:
            target = self._document
            for step in node["$ref"].removeprefix("#/").split("/"):
                target = target[step.replace("~1", "/")]
            node = target
        return node

    def strings(self, node, path):
        """Yield each schema of a string, with the way to it."""
        node = self.resolved(node)
        kinds = node.get("type", [])
        if "string" in ([kinds] if isinstance(kinds, str) else kinds):
            yield path, node
        for name, member in node.get("properties", {}).items():
            yield from self.strings(member, f"{path}.{name}")
        for key in ("anyOf", "oneOf", "allOf"):
            for member in node.get(key, []):
                yield from self.strings(member, path)
        for key in ("items", "additionalProperties", "propertyNames"):
            if isinstance(node.get(key), dict):
                yield from self.strings(node[key], f"{path}.{key}")


def longest(schema):
    """Return the largest length that a schema allows; None for no limit."""
    limits = [schema["maxLength"]] if "maxLength" in schema else []
    if "const" in schema:
        limits.append(len(schema["const"]))
    if "enum" in schema:
        limits.append(max(len(value) for value in schema["enum"] if value is not None))
    if "pattern" in schema and schema["pattern"].startswith("^"):
        width = re._parser.parse(schema["pattern"]).getwidth()[1]
        if width < re._constants.MAXREPEAT and schema["pattern"].endswith("$"):
            limits.append(width)
    return min(limits, default=None)


def requests_of(path):
    """Yield every string in a body or a query of a document of HTTP."""
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    schemas = Schemas(document)
    for url, item in document["paths"].items():
        for method, operation in item.items():
            if method == "parameters":
                continue
            where = f"{method} {url}"
            for parameter in map(schemas.resolved, operation.get("parameters", [])):
                if parameter["in"] == "query" and ("query", parameter["name"]) not in EXEMPT:
                    yield from schemas.strings(parameter["schema"], f"{where} ?{parameter['name']}")
            if "requestBody" in operation:
                for content in schemas.resolved(operation["requestBody"])["content"].values():
                    yield from schemas.strings(content["schema"], where)


def frames_of(path):
    """Yield every string in a frame that clients send."""
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    schemas = Schemas(document)
    for name, operation in document["operations"].items():
        if operation["action"] != "receive":
            continue
        for message in map(schemas.resolved, operation["messages"]):
            yield from schemas.strings(message["payload"], name)


def unlimited(found):
    """Return the ways to strings without a limit, or with one that limits nothing."""
    return [
        where
        for where, schema in found
        if not 0 < (longest(schema) or 0) <= (LONGEST_FILE if where in FILES else LONGEST)
    ]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.parent.name or "base")
def test_every_string_of_a_request_has_a_limit(path):
    found = list(requests_of(path))
    assert len(found) > 5
    assert unlimited(found) == []


def test_every_string_of_a_frame_has_a_limit():
    found = list(frames_of(EVENTS))
    assert len(found) > 5
    assert unlimited(found) == []


@pytest.mark.parametrize(
    ("schema", "limit"),
    [
        ({}, None),
        ({"pattern": "^a*$"}, None),
        ({"pattern": "a{2}"}, None),
        ({"pattern": "^a{2}(?:b{1,3})?$"}, 5),
        ({"pattern": "^a*$", "maxLength": 7}, 7),
        ({"enum": ["one", "three", None]}, 5),
        ({"const": "four"}, 4),
    ],
)
def test_limit_of_a_schema_is_found(schema, limit):
    assert longest({"type": "string", **schema}) == limit
