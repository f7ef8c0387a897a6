"""The comparison of the running configuration with openapi.yaml and asyncapi.yaml."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from quartapp.app import unconnected_app
from quartapp.contract.asyncapi.compare import differences as asyncapi_differences
from quartapp.contract.asyncapi.document import asyncapi_document
from quartapp.contract.files import asyncapi_file, openapi_file, read_document
from quartapp.contract.openapi.compare import differences
from quartapp.contract.openapi.document import openapi_document
from quartapp.hooks.discovery import bundled_plugins, discover
from quartapp.http.routes import Route, routes

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from quart import Quart

    from quartapp.settings.core import Settings


@dataclass(frozen=True, slots=True)
class Report:
    """The findings of a check.

    Attributes:
        drift: Differences between the server and the contract's files; empty when they agree.
        additions: Routes, events and changes that plugins add to the contract.
    """

    drift: tuple[str, ...]
    additions: tuple[str, ...]


def check(
    settings: Settings,
    plugins: Iterable[object] | None = None,
    *,
    openapi: Path | None = None,
    asyncapi: Path | None = None,
) -> Report:
    """Compare a configuration with the contract's files.

    The bundled plugins that are on by default must match the files exactly. Routes and events of
    further plugins are additions; missing routes of the default plugins are drift.

    Args:
        settings: The configuration.
        plugins: Plugins, as for :func:`quartapp.app.create_app`.
        openapi: File to use instead of openapi.yaml.
        asyncapi: File to use instead of asyncapi.yaml.

    Raises:
        QuartappError: The settings or plugins have a mistake, or a file does not parse.
    """
    base = unconnected_app(settings, discover(bundled_plugins()))
    running = unconnected_app(settings, plugins)
    http = read_document(openapi or openapi_file())
    websocket = read_document(asyncapi or asyncapi_file())
    drift = [
        *map(str, differences(http, openapi_document(base))),
        *asyncapi_differences(websocket, asyncapi_document(base)),
    ]
    lacking, added = _beyond(base, running)
    return Report((*drift, *lacking), tuple(added))


def _beyond(base: Quart, running: Quart) -> tuple[list[str], list[str]]:
    """Find the routes that ``running`` lacks, and what it adds to ``base``."""
    ours, theirs = ({str(route): route for route in routes(app)} for app in (base, running))
    lacking = [f"{name}: this configuration does not have it" for name in ours.keys() - theirs]
    added = [_described(route) for name, route in theirs.items() if name not in ours]
    changed = [
        str(difference)
        for difference in differences(
            _only(openapi_document(base), ours.keys() & theirs),
            _only(openapi_document(running), ours.keys() & theirs),
            ("openapi.yaml", "this configuration"),
        )
    ]
    events = asyncapi_differences(asyncapi_document(base), asyncapi_document(running))
    return sorted(lacking), [*added, *changed, *events]


def _described(route: Route) -> str:
    return f"{route} ({route.operation.id}), of plugin {route.owner}"


def _only(document: dict[str, object], labels: set[str]) -> dict[str, object]:
    """Return a document with only the operations that ``labels`` names."""
    paths: dict[str, dict[str, object]] = document["paths"]  # type: ignore[assignment]
    kept = {
        path: {
            method: operation
            for method, operation in item.items()
            if f"{method.upper()} {path}" in labels
        }
        for path, item in paths.items()
    }
    return {**document, "paths": kept}
