"""The parts of JSON Schema that both comparisons of documents know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

# Keywords that restrict nothing. "default" is not among them: an OpenAPI document promises it.
ANNOTATIONS = frozenset(
    {"$comment", "deprecated", "description", "example", "examples", "summary", "title"}
)
# Keywords whose value has schemas by a name.
NAMED_SCHEMAS = ("properties", "patternProperties", "dependentSchemas")

# A keyword with this prefix is kept by servers, and no client may rely on it: later versions and
# plugins may add a member or a value.
OF_SERVERS = "x-server-"


def kept_by_servers(node: Any) -> Any:  # noqa: ANN401 - any part
    """Return a document with everything that servers keep, for tests of servers.

    Answers in a document are open: clients must not refuse a member or a value that they do not
    know. Keywords of JSON Schema that bind only servers have the prefix ``x-server-`` there, and
    lose it here.

    Args:
        node: A document, or any part of one.
    """
    if isinstance(node, list):
        return [kept_by_servers(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {
        key.removeprefix(OF_SERVERS) if isinstance(key, str) else key: kept_by_servers(value)
        for key, value in node.items()
    }


def open_to_clients(node: Any) -> Any:  # noqa: ANN401 - any part
    """Return a part of an answer without what would make clients refuse later answers.

    The inverse of :func:`kept_by_servers` for answers: closed keywords get their prefix.

    Args:
        node: A part of a document that only answers use.
    """
    if isinstance(node, list):
        return [open_to_clients(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {
        f"{OF_SERVERS}{key}" if _closes(key, value) else key: (
            {name: open_to_clients(inner) for name, inner in value.items()}
            if key in NAMED_SCHEMAS and isinstance(value, dict)
            else open_to_clients(value)
        )
        for key, value in node.items()
    }


def _closes(key: str, value: object) -> bool:
    return key in ("enum", "const") or (key == "additionalProperties" and value is False)


def target(document: Mapping[str, Any], reference: str) -> Any:  # noqa: ANN401 - any part
    """Return the part of a document that a reference names.

    Args:
        document: The parsed document.
        reference: A ``$ref`` into the same document (RFC 6901, section 6).

    Raises:
        ValueError: The reference leads out of the document, or nowhere.
    """
    root, *steps = reference.split("/")
    if root != "#":
        raise ValueError(f"reference {reference} leads out of it")
    found: Any = document
    for step in steps:
        name = step.replace("~1", "/").replace("~0", "~")
        if not isinstance(found, dict) or name not in found:
            raise ValueError(f"reference {reference} leads nowhere")
        found = found[name]
    return found
