"""The normal form of OpenAPI documents: documents with the same meaning become equal.

The normal form has no references, no descriptions and no examples. Where JSON Schema has several
spellings, the normal form uses one. The order of its lists has no meaning.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from quartapp.contract.schemas import ANNOTATIONS, NAMED_SCHEMAS, kept_by_servers, target
from quartapp.errors import QuartappError

if TYPE_CHECKING:
    from quartapp.encoding import JsonObject

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
ONE_SCHEMA = ("items", "propertyNames", "not", "if", "then", "else", "contains")
LISTED_SCHEMAS = ("allOf", "anyOf", "oneOf")
NULL: JsonObject = {"type": ["null"]}


class DocumentError(QuartappError):
    """The error for a document that is no OpenAPI document."""


def normal_form(document: JsonObject, name: str) -> JsonObject:
    """Return the normal form of a document, by operation (``POST /api/v1/auth/login``).

    Args:
        document: An OpenAPI 3.1 document.
        name: Name of the document in an error.

    Raises:
        DocumentError: A reference leads nowhere, or a part has the wrong type.
    """
    try:
        return _Normaliser(kept_by_servers(document)).operations()
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise DocumentError(f"{name} is no OpenAPI document: {error}") from error


class _Normaliser:
    def __init__(self, document: JsonObject) -> None:
        self._document = document

    def operations(self) -> JsonObject:
        found: JsonObject = {"security schemes": self._security_schemes()}
        for path, item in self._document["paths"].items():
            shared = item.get("parameters", [])
            for method in METHODS:
                if method in item:
                    operation = item[method]
                    label = f"{method.upper()} {path}"
                    found[label] = self._operation(operation, shared)
        return found

    def _security_schemes(self) -> JsonObject:
        schemes = self._document.get("components", {}).get("securitySchemes", {})
        return {name: _without_annotations(self._resolved(s)) for name, s in schemes.items()}

    def _operation(self, operation: JsonObject, shared: list[JsonObject]) -> JsonObject:
        normal: JsonObject = {
            "operationId": operation.get("operationId"),
            "tags": sorted(operation.get("tags", [])),
            "security": operation.get("security", self._document.get("security", [])),
            "x-role": operation.get("x-role"),
            "x-permission": operation.get("x-permission"),
            "x-not-fuzzed": operation.get("x-not-fuzzed"),
        }
        for parameter in map(self._resolved, (*shared, *operation.get("parameters", []))):
            key = f"{parameter['in']} parameter {parameter['name']}"
            normal[key] = {
                "required": parameter.get("required", False),
                "schema": self.schema(parameter["schema"]),
            }
        if "requestBody" in operation:
            body = self._resolved(operation["requestBody"])
            normal["request"] = {"required": body.get("required", False), **self._content(body)}
        for status, response in operation.get("responses", {}).items():
            normal[str(status)] = self._response(self._resolved(response))
        return normal

    def _response(self, response: JsonObject) -> JsonObject:
        headers = {
            f"header {name.lower()}": {
                "required": header.get("required", False),
                "schema": self.schema(header["schema"]),
            }
            for name, header in (
                (name, self._resolved(header))
                for name, header in response.get("headers", {}).items()
            )
        }
        return {**headers, **self._content(response)}

    def _content(self, holder: JsonObject) -> JsonObject:
        return {
            media_type: {"schema": self.schema(content.get("schema", {}))}
            for media_type, content in holder.get("content", {}).items()
        }

    def schema(self, node: Any, within: tuple[str, ...] = ()) -> JsonObject:  # noqa: ANN401 - JSON
        """Return the normal form of a schema.

        Args:
            node: A schema, which can be True or False.
            within: References that were followed to this schema.
        """
        if isinstance(node, bool):
            return {} if node else {"not": {}}
        if "$ref" in node:
            reference = node["$ref"]
            if reference in within:
                return {"recursion": len(within) - within.index(reference)}
            resolved = self._target(reference)
            merged = {**resolved, **{k: v for k, v in node.items() if k != "$ref"}}
            return self.schema(merged, (*within, reference))
        return _one_way(self._inner(_without_annotations(node), within), self, within)

    def _inner(self, normal: JsonObject, within: tuple[str, ...]) -> JsonObject:
        """Bring the schemas inside a schema into normal form."""
        for key, value in list(normal.items()):
            if key in ONE_SCHEMA:
                normal[key] = self.schema(value, within)
            elif key in NAMED_SCHEMAS:
                normal[key] = {name: self.schema(inner, within) for name, inner in value.items()}
            elif key in LISTED_SCHEMAS:
                normal[key] = [self.schema(inner, within) for inner in value]
        for number, prefix in enumerate(normal.pop("prefixItems", ())):
            normal[f"item {number}"] = self.schema(prefix, within)
        return normal

    def _resolved(self, node: JsonObject) -> JsonObject:
        while "$ref" in node:
            node = self._target(node["$ref"])
        return node

    def _target(self, reference: str) -> JsonObject:
        found = target(self._document, reference)
        if not isinstance(found, dict):
            raise ValueError(f"reference {reference} leads to no object")
        return found


def _one_way(normal: JsonObject, normaliser: _Normaliser, within: tuple[str, ...]) -> JsonObject:
    """Replace JSON Schema's alternative spellings by the one of the normal form."""
    if normal.get("default", ...) is None:
        del normal["default"]
    if "additionalProperties" in normal:
        if normal["additionalProperties"] in (True, {}):
            del normal["additionalProperties"]
        else:
            normal["additionalProperties"] = normaliser.schema(
                normal["additionalProperties"], within
            )
    if not normal.get("required", True):
        del normal["required"]
    if "const" in normal:
        normal["enum"] = [normal.pop("const")]
    if "enum" in normal:
        normal.pop("type", None)  # the values imply the type
    elif isinstance(normal.get("type"), str):
        normal["type"] = [normal["type"]]
    return _with_null(normal)


def _with_null(normal: JsonObject) -> JsonObject:
    """Replace the alternative of a schema and null by the schema with null as a value or type."""
    branches = normal.get("anyOf", [])
    if len(branches) != 2 or NULL not in branches or len(normal) != 1:
        return normal
    other = dict(branches[1] if branches[0] == NULL else branches[0])
    if "enum" in other:
        return {**other, "enum": [*other["enum"], None]}
    if "type" in other:
        return {**other, "type": [*other["type"], "null"]}
    return normal


def _without_annotations(node: JsonObject) -> JsonObject:
    return {
        key: value
        for key, value in node.items()
        if key not in ANNOTATIONS and not key.startswith("x-")
    }


def canonical(value: Any) -> str:  # noqa: ANN401 - JSON
    """Return JSON text that is the same for equal values, whatever the order of lists and keys."""
    return json.dumps(_ordered(value), ensure_ascii=False, sort_keys=True)


def _ordered(value: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, dict):
        return {key: _ordered(item) for key, item in value.items()}
    if isinstance(value, list):
        return sorted(
            (_ordered(item) for item in value), key=lambda item: json.dumps(item, sort_keys=True)
        )
    return value
