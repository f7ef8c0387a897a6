"""The OpenAPI document that a server serves: the files of the contract, and what else it has.

Clients of a running server read the same names, prose, examples and links as in the files. Only
what the declarations of routes say, and no file, is generated.
"""

from __future__ import annotations

import inspect
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, cast

from quartapp.contract.files import openapi_file, read_document
from quartapp.contract.openapi.document import openapi_document
from quartapp.contract.openapi.importing import Importer
from quartapp.contract.openapi.normal_form import METHODS, canonical, normal_form
from quartapp.contract.openapi.widening import widen
from quartapp.contract.schemas import open_to_clients
from quartapp.parts import core

if TYPE_CHECKING:
    from collections.abc import Iterator

    from quart import Quart

    from quartapp.encoding import JsonObject

SERVED = "quartapp.served-openapi"
FILE_OF_PLUGIN = "openapi.yaml"
# Answers of paths and methods that no operation has.
UNBOUND = ("#/components/responses/NotFound", "#/components/responses/MethodNotAllowed")


def served_document(app: Quart) -> JsonObject:
    """Return the OpenAPI document that ``app`` serves; callers must not change it.

    An operation of ``openapi.yaml``, or of the ``openapi.yaml`` in the package of a plugin, is
    served as the file has it if the routes declare the same. Values that plugins add, such as
    messages, are added to the file's. An operation that differs otherwise is served as declared, so
    that the document never promises what the server does not do.
    """
    if SERVED not in app.extensions:
        app.extensions[SERVED] = _Composition(openapi_document(app), _files(app)).document()
    return cast("JsonObject", app.extensions[SERVED])


class _Composition:
    """One document, composed of files and of what is declared.

    Args:
        declared: The document that is generated from the routes.
        files: The documents of files, the contract's own first.
    """

    def __init__(self, declared: JsonObject, files: list[JsonObject]) -> None:
        self._opened = _opened(declared)
        self._told = normal_form(declared, "the server")
        self._files = [(file, widen(file, declared)) for file in files]
        own = files[0]
        self._document: JsonObject = {
            **{key: own[key] for key in own if key not in ("paths", "components")},
            "paths": {},
            "components": {"securitySchemes": declared["components"].get("securitySchemes", {})},
        }
        self._generated = Importer(self._opened, self._document)

    def document(self) -> JsonObject:
        """Return the whole document."""
        for _, widened in self._files:
            self._add_file(widened)
        own = Importer(self._files[0][1], self._document)
        for reference in UNBOUND:
            own.taken({"$ref": reference})
        self._add_declared()
        self._document["paths"] = self._in_order()
        self._leave_out_links()
        self._add_tags()
        return self._document

    def _add_file(self, file: JsonObject) -> None:
        """Add the operations that the server has as the file says, perhaps with more answers."""
        paths, normal = self._document["paths"], normal_form(file, "a file")
        importer = Importer(file, self._document)
        for path, method, operation in _operations(file):
            label = f"{method.upper()} {path}"
            ours, theirs = normal[label], self._told.get(label, {})
            more = [key for key in theirs if key.isdigit() and key not in ours]
            rest = {key: value for key, value in theirs.items() if key not in more}
            if method in paths.get(path, {}) or canonical(ours) != canonical(rest):
                continue
            # What the operations of a path share stays with the path.
            item = file["paths"][path]
            shared = {key: item[key] for key in item if key not in METHODS}
            told = importer.taken(operation)
            declared = self._opened["paths"][path][method]["responses"]
            told["responses"] |= {key: self._generated.taken(declared[key]) for key in more}
            paths.setdefault(path, importer.taken(shared))[method] = told

    def _add_declared(self) -> None:
        importer = self._generated
        for path, method, operation in _operations(self._opened):
            if method not in self._document["paths"].get(path, {}):
                told = importer.taken(operation)
                self._document["paths"].setdefault(path, {})[method] = told

    def _in_order(self) -> JsonObject:
        """Return the paths as the files have them, and then the others."""
        paths = self._document["paths"]
        order = [path for file, _ in self._files for path in file["paths"]]
        return {path: paths[path] for path in dict.fromkeys((*order, *paths)) if path in paths}

    def _leave_out_links(self) -> None:
        """Leave out links to operations that the server does not have."""
        known = {operation.get("operationId") for _, _, operation in _operations(self._document)}
        shared = self._document["components"].get("links", {})
        lost = {name for name, link in shared.items() if link.get("operationId", "") not in known}
        for name in lost:
            del shared[name]
        for _, _, operation in _operations(self._document):
            for answer in operation["responses"].values():
                links = answer.get("links", {})
                for name in list(links):
                    if links[name].get("$ref", "").rpartition("/")[2] in lost:
                        del links[name]

    def _add_tags(self) -> None:
        """Describe the tags of plugins as their files do; name those that no file describes."""
        used = {tag for _, _, operation in _operations(self._document) for tag in operation["tags"]}
        told = [tag for file, _ in self._files for tag in file.get("tags", [])]
        described = {tag["name"]: tag for tag in reversed(told)}
        order = [tag["name"] for tag in told]
        self._document["tags"] = [
            described.get(name, {"name": name})
            for name in dict.fromkeys((*order, *sorted(used)))
            if name in used
        ]


def _operations(document: JsonObject) -> Iterator[tuple[str, str, JsonObject]]:
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield path, method, item[method]


def _files(app: Quart) -> list[JsonObject]:
    """Return the documents of the contract and of plugins that bring a file."""
    files = [read_document(openapi_file())]
    for plugin in core(app).plugins.loaded:
        implementation = plugin.implementation
        kind = implementation if inspect.isclass(implementation) else type(implementation)
        package = sys.modules.get(kind.__module__.partition(".")[0])
        for folder in getattr(package, "__path__", ()):
            path = Path(folder) / FILE_OF_PLUGIN
            if path.is_file():
                files.append(read_document(path))
    return files


def _opened(declared: JsonObject) -> JsonObject:
    """Return the declared document with open answers, and without docstrings of models."""
    document: JsonObject = json.loads(json.dumps(declared))
    schemas = document["components"]["schemas"]
    for schema in schemas.values():
        # It is the docstring of a class, which is written for authors of code.
        if "properties" in schema:
            schema.pop("description", None)
    requests = Importer(document, {"components": {}})
    for _, _, operation in _operations(document):
        requests.taken([operation.get("parameters", []), operation.get("requestBody", {})])
        operation["responses"] = open_to_clients(operation["responses"])
    for name in schemas.keys() - {name for kind, name in requests.names if kind == "schemas"}:
        schemas[name] = open_to_clients(schemas[name])
    return document
