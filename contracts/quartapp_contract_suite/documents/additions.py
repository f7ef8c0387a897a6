"""The additions that a server may make to the contract, and the check that it makes no others.

Without the permitted additions, a served document must equal the contract. A server may add:

* operations and events of other names, and their security schemes;
* statuses, the same statuses wherever an answer names those that a mark can have
  (``x-extensible-enum``); a teacher may or may not send them;
* in ``TODAY_SUMMARY`` and ``DONE`` an object ``statuses`` with the number of marks of each status;
* messages of ``ERROR`` that refuse only added events.

So every request that fits the contract still fits, and every answer without its additions fits the
contract. README.md beside this folder says what clients have to expect.
"""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

from quartapp.contract.asyncapi.compare import differences as asyncapi_differences
from quartapp.contract.openapi.compare import differences as openapi_differences
from quartapp.contract.openapi.normal_form import METHODS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from quartapp.encoding import JsonObject


OWN_STATUSES = {"present", "absent"}
COUNTING = ("TODAY_SUMMARY", "DONE")
# The values that an answer can have, as far as they are known; there may be others.
OPEN_ENUMERATION = "x-extensible-enum"


def follow(document: JsonObject, node: Any) -> Any:  # noqa: ANN401 - any part of a document
    """Return ``node``, or the part of ``document`` that ``node`` refers to.

    Raises:
        KeyError: The reference has no target.
    """
    while isinstance(node, dict) and "$ref" in node:
        target: Any = document
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part.replace("~1", "/").replace("~0", "~")]
        node = target
    return node


def messages(asyncapi: JsonObject) -> Iterator[tuple[str, JsonObject]]:
    """Yield each message with the action of its operation; clients send ``receive``."""
    for operation in asyncapi["operations"].values():
        for reference in operation["messages"]:
            yield operation["action"], follow(asyncapi, reference)


def added_events(authority: JsonObject, served: JsonObject) -> list[JsonObject]:
    """Return the client messages that only this server knows, and not the authority."""
    known = {message["name"] for action, message in messages(authority) if action == "receive"}
    return [
        message
        for action, message in messages(served)
        if action == "receive" and message["name"] not in known
    ]


def added_statuses(asyncapi: JsonObject) -> set[str]:
    """Return the statuses of marks in a served document, without present and absent."""
    for action, message in messages(asyncapi):
        if action == "send" and message["name"] == "ATTENDANCE_MARKED":
            # A mark that was taken back has none: the statuses are one of several schemas.
            status = _written_out(asyncapi, _field(asyncapi, message, "status"))
            return set().union(*_open_enumerations(status)) - OWN_STATUSES
    return set()


def asyncapi_problems(authority: JsonObject, served: JsonObject) -> list[str]:
    """Return a line for each difference that is no permitted addition to asyncapi.yaml.

    Args:
        authority: The document asyncapi.yaml.
        served: The document of the server.
    """
    statuses = added_statuses(served)
    rest = deepcopy(served)
    known = {(action, message["name"]) for action, message in messages(authority)}
    refusals = {
        refusal
        for message in added_events(authority, served)
        for refusal in message.get("x-errors", ())
    } - set(_refusals(authority))
    for message in [message for action, message in messages(rest) if action == "send"]:
        if message["name"] in COUNTING:
            _remove_counts(rest, message, statuses)
        if message["name"] == "ERROR":
            _remove_refusals(rest, message, refusals)
    for key, operation in list(rest["operations"].items()):
        operation["messages"] = [
            reference
            for reference in operation["messages"]
            if (operation["action"], follow(rest, reference)["name"]) in known
        ]
        if not operation["messages"]:
            del rest["operations"][key]
    problems = [
        f"{message['name']} from the server: {_missing(statuses, found)}"
        for action, message in messages(rest)
        if action == "send"
        for found in _open_enumerations(_written_out(rest, message["payload"]))
        if statuses - found
    ]
    _remove_statuses(rest, statuses)
    return [*problems, *asyncapi_differences(authority, rest)]


def openapi_problems(
    authority: JsonObject, served: JsonObject, statuses: Collection[str]
) -> list[str]:
    """Return a line for each difference that is no permitted addition to openapi.yaml.

    Args:
        authority: The document openapi.yaml.
        served: The document of the server.
        statuses: The server's statuses without present and absent.
    """
    rest = deepcopy(served)
    rest["paths"] = {
        path: {
            key: part
            for key, part in item.items()
            if key not in METHODS or key in authority["paths"][path]
        }
        for path, item in served["paths"].items()
        if path in authority["paths"]
    }
    ours = authority["components"]["securitySchemes"]
    schemes = rest.get("components", {}).get("securitySchemes", {})
    for name in schemes.keys() - ours.keys():
        del schemes[name]
    problems = [
        f"{method.upper()} {path}: {_missing(set(statuses), found)}"
        for path, item in rest["paths"].items()
        for method in METHODS
        if method in item
        for found in _open_enumerations(_written_out(rest, item[method]))
        if set(statuses) - found
    ]
    _remove_statuses(rest, statuses)
    return [*problems, *map(str, openapi_differences(authority, rest))]


def _missing(statuses: set[str], found: set[str]) -> str:
    return f"the statuses {', '.join(sorted(statuses - found))} are not among those it can have"


def _refusals(asyncapi: JsonObject) -> Iterable[str]:
    return (
        refusal["message"]
        for action, message in messages(asyncapi)
        if (action, message["name"]) == ("send", "ERROR")
        for refusal in message.get("x-errors", ())
    )


def _field(asyncapi: JsonObject, message: JsonObject, name: str) -> Any:  # noqa: ANN401 - a schema
    return follow(asyncapi, _data(asyncapi, message)["properties"].get(name, {}))


def _data(asyncapi: JsonObject, message: JsonObject) -> JsonObject:
    payload: JsonObject = follow(asyncapi, message["payload"])
    data: JsonObject = follow(asyncapi, payload["properties"]["data"])
    return data


def _remove_counts(asyncapi: JsonObject, message: JsonObject, statuses: set[str]) -> None:
    """Remove the field ``statuses`` of a summary if its schema is the permitted one."""
    data = _data(asyncapi, message)
    counts = follow(asyncapi, data["properties"].get("statuses"))
    codes = {*OWN_STATUSES, *statuses}
    if counts is None or not statuses or set(counts.get("properties", ())) != codes:
        return
    if set(counts["required"]) != codes:
        return
    # Marks may have a status that the server does not know any more.
    others = counts.get("additionalProperties") or {}
    numbers = [follow(asyncapi, number) for number in (*counts["properties"].values(), others)]
    if all((number.get("type"), number.get("minimum")) == ("integer", 0) for number in numbers):
        del data["properties"]["statuses"]
        data["required"] = [name for name in data["required"] if name != "statuses"]


def _remove_refusals(asyncapi: JsonObject, message: JsonObject, refusals: set[str]) -> None:
    message["x-errors"] = [
        refusal for refusal in message["x-errors"] if refusal["message"] not in refusals
    ]
    text = _field(asyncapi, message, "message")
    text["enum"] = [known for known in text["enum"] if known not in refusals]


def _remove_statuses(node: Any, statuses: Collection[str]) -> None:  # noqa: ANN401 - JSON
    if isinstance(node, dict):
        if _texts(node.get("enum")) >= OWN_STATUSES:
            node["enum"] = [value for value in node["enum"] if value not in statuses]
        node = list(node.values())
    if isinstance(node, list):
        for inner in node:
            _remove_statuses(inner, statuses)


def _open_enumerations(node: Any) -> Iterator[set[str]]:  # noqa: ANN401 - JSON
    """Yield every open enumeration of statuses inside ``node``."""
    if isinstance(node, dict):
        if (found := _texts(node.get(OPEN_ENUMERATION))) >= OWN_STATUSES:
            yield found
        node = list(node.values())
    if isinstance(node, list):
        for inner in node:
            yield from _open_enumerations(inner)


def _texts(values: object) -> set[str]:
    # A property may have the name of a keyword; then the value is a schema.
    return {one for one in values if isinstance(one, str)} if isinstance(values, list) else set()


def _written_out(asyncapi: JsonObject, node: Any) -> Any:  # noqa: ANN401 - a schema
    node = follow(asyncapi, node)
    if isinstance(node, dict):
        return {name: _written_out(asyncapi, value) for name, value in node.items()}
    return [_written_out(asyncapi, value) for value in node] if isinstance(node, list) else node
