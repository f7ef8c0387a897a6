"""The comparison of two AsyncAPI documents in the promises to clients.

The comparison uses a normal form without references, in which keys, order, titles and descriptions
do not count. Each difference names its place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from quartapp.contract.schemas import ANNOTATIONS, NAMED_SCHEMAS, target
from quartapp.errors import QuartappError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# Payloads are compared without their defaults.
IGNORED = ANNOTATIONS | {"default"}
UNORDERED = ("enum", "required")


class AsyncapiError(QuartappError):
    """The error for a document that is no AsyncAPI 3 document, or has a dangling reference."""


def differences(authority: Mapping[str, Any], generated: Mapping[str, Any]) -> list[str]:
    """Find the differences between the committed document and the running app.

    Args:
        authority: The committed document, parsed.
        generated: The document of the app, from
            :func:`quartapp.contract.asyncapi.document.asyncapi_document`.

    Returns:
        One readable line for each difference, in a stable order.

    Raises:
        AsyncapiError: One of the two is no AsyncAPI document.
    """
    return list(_compare("", normalised(authority), normalised(generated)))


def normalised(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the normal form of a document, in which equal promises are equal.

    Args:
        document: An AsyncAPI 3 document, parsed.

    Returns:
        Addresses, query parameters, security, close codes, and each event in each direction with
        its role or audience, answers, errors in order, and payload schema without references.

    Raises:
        AsyncapiError: The document is no AsyncAPI document.
    """
    try:
        return _Reader(document).read()
    except (KeyError, TypeError, AttributeError) as error:
        raise AsyncapiError(
            f"the AsyncAPI document cannot be read: {type(error).__name__}: {error}"
        ) from error


class _Reader:
    """The reader of one document."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document

    def read(self) -> dict[str, Any]:
        channels = [self._follow(channel) for channel in self._document["channels"].values()]
        schemes = self._document["components"].get("securitySchemes", {}).values()
        found: dict[str, Any] = {
            "addresses": sorted(channel["address"] for channel in channels),
            "security": sorted(_scheme(self._follow(scheme)) for scheme in schemes),
            "close codes": sorted(
                code["code"] for channel in channels for code in channel.get("x-close-codes", ())
            ),
        }
        for channel in channels:
            query = channel.get("bindings", {}).get("ws", {}).get("query", {})
            for name, schema in query.get("properties", {}).items():
                found[f"query parameter {name}"] = self._schema(schema, ())
        for operation in self._document["operations"].values():
            from_client = operation["action"] == "receive"
            side = "from the client" if from_client else "from the server"
            for reference in operation["messages"]:
                message = self._follow(reference)
                place = f"{message['name']} {side}"
                if place in found:
                    raise AsyncapiError(f"the AsyncAPI document has {place} twice")
                found[place] = (
                    self._received(message, operation) if from_client else self._sent(message)
                )
        return found

    def _received(self, message: Mapping[str, Any], operation: Mapping[str, Any]) -> dict[str, Any]:
        known = self._document["components"]["messages"]
        replies = operation.get("reply", {}).get("messages", ())
        return {
            "role": message.get("x-role"),
            "permission": message.get("x-permission"),
            "answers": [self._follow(known[key])["name"] for key in message["x-answers"]],
            "replies": sorted(self._follow(reply)["name"] for reply in replies),
            "errors": list(message["x-errors"]),
            "payload": self._schema(message["payload"], ()),
            "payload of version 1": self._schema(message.get("x-payload-v1"), ()),
        }

    def _sent(self, message: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "audience": message["x-audience"],
            "errors": [error["message"] for error in message.get("x-errors", ())],
            "payload": self._schema(message["payload"], ()),
        }

    def _schema(self, schema: Any, above: tuple[str, ...]) -> Any:  # noqa: ANN401 - or a boolean
        if not isinstance(schema, dict):
            return schema
        if "$ref" in schema:
            reference = schema["$ref"]
            if reference in above:
                return {"recursion": len(above) - above.index(reference)}
            beside = {name: value for name, value in schema.items() if name != "$ref"}
            target = self._target(reference)
            return self._schema({**target, **beside}, (*above, reference))
        return {
            name: self._keyword(name, value, above)
            for name, value in sorted(schema.items())
            if name not in IGNORED and not name.startswith("x-")
        }

    def _keyword(self, name: str, value: Any, above: tuple[str, ...]) -> Any:  # noqa: ANN401
        if name in NAMED_SCHEMAS:
            return {key: self._schema(part, above) for key, part in sorted(value.items())}
        if name in UNORDERED:
            return sorted(value, key=repr)
        if isinstance(value, list):
            return [self._schema(part, above) for part in value]
        if name == "const":
            return value
        return self._schema(value, above)

    def _follow(self, node: Mapping[str, Any]) -> Mapping[str, Any]:
        seen: list[str] = []
        while "$ref" in node:
            reference = node["$ref"]
            if reference in seen:
                raise AsyncapiError(f"the AsyncAPI document refers in a circle at {reference}")
            seen.append(reference)
            node = self._target(reference)
        return node

    def _target(self, reference: str) -> Any:  # noqa: ANN401 - any part of the document
        try:
            return target(self._document, reference)
        except ValueError as error:
            raise AsyncapiError(f"in the AsyncAPI document, {error}") from None


def _scheme(scheme: Mapping[str, Any]) -> str:
    return " ".join(
        str(scheme[part]) for part in ("type", "in", "name", "scheme") if part in scheme
    )


def _compare(place: str, authority: object, generated: object) -> Iterator[str]:
    if authority == generated:
        return
    if not (isinstance(authority, dict) and isinstance(generated, dict)):
        yield f"{place}: the document says {authority!r}, the running app {generated!r}"
        return
    for name in sorted({*authority, *generated}):
        inner = f"{place}, {name}" if place else name
        if name not in generated:
            yield f"{inner}: only in the document"
        elif name not in authority:
            yield f"{inner}: only in the running app"
        else:
            yield from _compare(inner, authority[name], generated[name])
