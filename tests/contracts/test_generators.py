"""The documents of the contract have a form that every generator of clients takes.

``contracts/clients/`` runs generators; these tests tell at once what none of them would take.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from quartapp.contract.files import read_document
from quartapp.contract.openapi.normal_form import METHODS
from quartapp.contract.schemas import kept_by_servers, target

ROOT = Path(__file__).parents[2]
FILES = [ROOT / "openapi.yaml", *sorted(ROOT.glob("plugins/*/openapi.yaml"))]
# Keywords that close an answer: a client would refuse what a later version or a plugin adds.
CLOSING = {"enum", "const"}


def references(node):
    """Return all references in a part of a document."""
    if isinstance(node, list):
        return {found for item in node for found in references(item)}
    if not isinstance(node, dict):
        return set()
    own = {node["$ref"]} if isinstance(node.get("$ref"), str) else set()
    return own | {found for value in node.values() for found in references(value)}


def reached(document, roots):
    """Return the references that lead on from ``roots``, themselves included."""
    found, waiting = set(), list(roots)
    while waiting:
        reference = waiting.pop()
        if reference not in found:
            found.add(reference)
            waiting += references(target(document, reference))
    return found


def operations(document):
    return [
        item[method] for item in document["paths"].values() for method in METHODS if method in item
    ]


def parts(document):
    """Return what requests and answers reach: two sets of references."""
    requests = [
        (one.get("parameters", []), one.get("requestBody", {})) for one in operations(document)
    ]
    answers = [one["responses"] for one in operations(document)]
    own = [
        f"#/components/{kind}/{name}"
        for kind in ("responses", "headers")
        for name in document["components"].get(kind, {})
    ]
    return (
        reached(document, references([list(one) for one in requests])),
        reached(document, references(answers) | set(own)),
    )


def closing(node, path=()):
    """Return where a part of an answer is closed."""
    if isinstance(node, list):
        return [found for item in node for found in closing(item, path)]
    if not isinstance(node, dict):
        return []
    own = [".".join((*path, key)) for key in CLOSING & node.keys() if path[-1:] != ("properties",)]
    if node.get("additionalProperties") is False:
        own.append(".".join((*path, "additionalProperties")))
    return own + [
        found
        for key, value in node.items()
        if key not in ("example", "examples") and not key.startswith("x-server-")
        for found in closing(value, (*path, key))
    ]


def unnamed(node, path):
    """Return where an object of a schema has no name of its own."""
    if isinstance(node, list):
        return [found for item in node for found in unnamed(item, path)]
    if not isinstance(node, dict):
        return []
    own = [".".join(path)] if "properties" in node and path[-1] != "properties" else []
    return own + [
        found
        for key, value in node.items()
        if key not in ("example", "examples")
        for found in unnamed(value, (*path, key))
    ]


@pytest.fixture(params=FILES, ids=lambda path: str(path.relative_to(ROOT)))
def document(request):
    return read_document(request.param)


def test_answers_are_open(document) -> None:
    requests, answers = parts(document)
    only = answers - requests

    assert [
        where for name in sorted(only) for where in closing(target(document, name), (name,))
    ] == []
    closed = [
        name for name in sorted(answers & requests) if closing(target(document, name), (name,))
    ]
    assert closed == [], "a schema of requests and answers cannot be closed and open"


def test_enumerations_of_requests_are_closed(document) -> None:
    requests, _ = parts(document)

    kept = [name for name in requests if "x-server-enum" in str(target(document, name))]
    assert kept == []


def test_objects_have_names(document) -> None:
    inside = [
        found
        for name, schema in document["components"]["schemas"].items()
        for key, value in schema.items()
        if key not in ("example", "examples")
        for found in unnamed(value, (name, key))
    ]
    assert inside == []
    assert unnamed(document["paths"], ("paths",)) == []


def test_links_have_no_bodies_that_generators_refuse(document) -> None:
    links = document["components"].get("links", {})

    assert [name for name, link in links.items() if isinstance(link.get("requestBody"), dict)] == []


def test_what_servers_keep_is_found_where_clients_are_free() -> None:
    kept = kept_by_servers({"a": [{"x-server-enum": ["b"], "x-role": "c"}]})

    assert kept == {"a": [{"enum": ["b"], "x-role": "c"}]}


@pytest.mark.parametrize(
    ("change", "test"),
    [
        (lambda schemas: schemas["User"].update(additionalProperties=False), test_answers_are_open),
        (
            lambda schemas: schemas["Status"]["properties"]["status"].update(enum=["ok"]),
            test_answers_are_open,
        ),
        (
            lambda schemas: schemas["User"]["properties"].update(
                home={"type": "object", "properties": {"city": {"type": "string"}}}
            ),
            test_objects_have_names,
        ),
        (
            lambda schemas: schemas["Role"].update({"x-server-enum": ["teacher"]}),
            test_enumerations_of_requests_are_closed,
        ),
    ],
)
def test_each_of_these_would_be_found(change, test) -> None:
    document = read_document(FILES[0])
    change(document["components"]["schemas"])

    with pytest.raises(AssertionError):
        test(document)
