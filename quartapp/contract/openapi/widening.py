"""Values that plugins add to enumerations of a document, and answers that they add."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from quartapp.contract.openapi.normal_form import METHODS
from quartapp.contract.schemas import OF_SERVERS, target

if TYPE_CHECKING:
    from quartapp.encoding import JsonObject

VALUES = "enum"
# Known values of an open enumeration.
OPEN_ENUMERATION = "x-extensible-enum"


def widen(document: JsonObject, declared: JsonObject) -> JsonObject:
    """Return a document with the values that a server's declarations add.

    Args:
        document: The document of a file.
        declared: The document that is generated from the routes of a server.
    """
    widened: JsonObject = json.loads(json.dumps(document))
    walk = _Walk(widened, declared)
    for path, item in widened["paths"].items():
        for method in METHODS:
            if method in item and method in declared["paths"].get(path, {}):
                walk.operation(item[method], declared["paths"][path][method])
    return widened


class _Walk:
    def __init__(self, document: JsonObject, declared: JsonObject) -> None:
        self._document = document
        self._declared = declared
        self._seen: set[tuple[int, int]] = set()

    def operation(self, ours: JsonObject, theirs: JsonObject) -> None:
        """Widen the request and the answers of one operation."""
        if "requestBody" in ours and "requestBody" in theirs:
            self._content(ours["requestBody"], theirs["requestBody"])
        for status, answer in ours["responses"].items():
            if status in theirs["responses"]:
                self._content(answer, theirs["responses"][status])

    def _content(self, ours: JsonObject, theirs: JsonObject) -> None:
        ours, theirs = self._resolved(ours, theirs)
        for kind, content in ours.get("content", {}).items():
            if kind in theirs.get("content", {}):
                self._schema(content.get("schema", {}), theirs["content"][kind].get("schema", {}))

    def _schema(self, ours: Any, theirs: Any) -> None:  # noqa: ANN401 - JSON
        if not isinstance(ours, dict) or not isinstance(theirs, dict):
            return
        ours, theirs = self._resolved(ours, theirs)
        if (id(ours), id(theirs)) in self._seen:
            return
        self._seen.add((id(ours), id(theirs)))
        added = theirs.get(VALUES, [theirs["const"]] if "const" in theirs else [])
        for key, values in (
            *((key, added) for key in (VALUES, OF_SERVERS + VALUES)),
            (OPEN_ENUMERATION, theirs.get(OPEN_ENUMERATION, [])),
        ):
            if key in ours:
                ours[key] += [value for value in values if value not in ours[key]]
        for alternatives in ("anyOf", "oneOf"):
            pairs = zip(ours.get(alternatives, []), theirs.get(alternatives, []), strict=False)
            for inner, declared in pairs:
                self._schema(inner, declared)
        for name, inner in ours.get("properties", {}).items():
            self._schema(inner, theirs.get("properties", {}).get(name))
        self._schema(ours.get("items"), theirs.get("items"))
        self._schema(ours.get("additionalProperties"), theirs.get("additionalProperties"))

    def _resolved(self, ours: JsonObject, theirs: JsonObject) -> tuple[JsonObject, JsonObject]:
        while "$ref" in ours:
            ours = target(self._document, ours["$ref"])
        while "$ref" in theirs:
            theirs = target(self._declared, theirs["$ref"])
        return ours, theirs
