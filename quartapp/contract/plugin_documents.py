"""The OpenAPI and AsyncAPI documents of one plugin: the plugin's part of the contract."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from quartapp.contract.asyncapi.document import asyncapi_document
from quartapp.contract.openapi.document import REFERENCE, openapi_document
from quartapp.errors import PluginError
from quartapp.http.routes import routes
from quartapp.parts import core

if TYPE_CHECKING:
    from quart import Quart

    from quartapp.encoding import JsonObject
    from quartapp.http.routes import Route
    from quartapp.plugin import LoadedPlugin
    from quartapp.realtime.events import EventType


def plugin_of(app: Quart, name: str) -> LoadedPlugin:
    """Return a plugin of an app by its name.

    Raises:
        PluginError: The app has no plugin with this name.
    """
    loaded = {plugin.name: plugin for plugin in core(app).plugins.loaded}
    if name not in loaded:
        raise PluginError(f"plugin {name} is not loaded; loaded are {', '.join(loaded)}")
    return loaded[name]


def routes_of(app: Quart, plugin: LoadedPlugin) -> list[Route]:
    """Return the routes that ``plugin`` brings."""
    return [route for route in routes(app) if route.owner is plugin]


def events_of(app: Quart, plugin: LoadedPlugin) -> list[EventType]:
    """Return the events that ``plugin`` brings."""
    return core(app).events.brought_by(str(plugin))


def openapi_of_plugin(app: Quart, plugin: LoadedPlugin) -> JsonObject:
    """Return an OpenAPI document with only one plugin's routes, and the schemas they refer to."""
    whole = openapi_document(app)
    paths: JsonObject = {}
    for route in routes_of(app, plugin):
        if route.operation.documented:
            operation = whole["paths"][route.path][route.method.lower()]
            paths.setdefault(route.path, {})[route.method.lower()] = operation
    known = whole["components"]["schemas"]
    wanted: JsonObject = {}
    waiting = [paths]
    while waiting:
        for name in _references(waiting.pop()):
            if name not in wanted:
                wanted[name] = known[name]
                waiting.append(known[name])
    components = {**whole["components"], "schemas": dict(sorted(wanted.items()))}
    info = {**whole["info"], "title": str(plugin.name), "version": "1"}
    info.pop("description", None)
    return {"openapi": whole["openapi"], "info": info, "paths": paths, "components": components}


def asyncapi_of_plugin(app: Quart, plugin: LoadedPlugin) -> JsonObject:
    """Return an AsyncAPI document with only one plugin's events."""
    document: JsonObject = json.loads(json.dumps(asyncapi_document(app, plugin)))
    document["info"] = {"title": plugin.name, "version": "1"}
    return document


def _references(node: Any) -> list[str]:  # noqa: ANN401 - JSON
    if isinstance(node, list):
        return [name for item in node for name in _references(item)]
    if not isinstance(node, dict):
        return []
    found = [name for value in node.values() for name in _references(value)]
    reference = node.get("$ref")
    if isinstance(reference, str) and reference.startswith(REFERENCE):
        found.append(reference.removeprefix(REFERENCE))
    return found
