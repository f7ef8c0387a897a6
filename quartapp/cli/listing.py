"""The data of ``quartapp plugins``: the contributions of each plugin of an app."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from quartapp.app import unconnected_app
from quartapp.errors import QuartappError
from quartapp.hooks.discovery import in_order, replaced_by, survey
from quartapp.http.routes import routes
from quartapp.parts import core

if TYPE_CHECKING:
    from pydantic import BaseModel
    from quart import Quart

    from quartapp.plugin import LoadedPlugin
    from quartapp.settings.core import Settings

SHOWN_ELSEWHERE = frozenset({"register_settings", "register_blueprints"})


@dataclass(frozen=True, slots=True)
class Listing:
    """The output of `quartapp plugins`.

    Attributes:
        loaded: A row for each loaded plugin, in plugin order.
        failed: Reason for each plugin that does not load, by name.
        replaced: For each bundled plugin that is off, as another one stands for it, that plugin.
        problem: Reason why the loaded plugins make no app together; None if they do.
    """

    loaded: list[dict[str, Any]] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    problem: str | None = None
    replaced: dict[str, str] = field(default_factory=dict)


def list_plugins(settings: Settings) -> Listing:
    """List the contributions of the configured plugins, without a connection to the database.

    Args:
        settings: Settings that choose the plugins.
    """
    found, errors = survey(settings.plugins, settings.extra_plugins)
    failed = {name: str(error) for name, error in errors.items()}
    try:
        app = unconnected_app(settings, in_order(found))
    except QuartappError as error:
        rows = [{"name": plugin.name, "distribution": plugin.distribution} for plugin in found]
        return Listing(rows, failed, str(error))
    plugins = core(app).plugins.loaded
    rows = [_row(app, plugin, n) for n, plugin in enumerate(plugins, 1)]
    replaced = {name: str(other) for name, other in replaced_by(found).items()}
    return Listing(rows, failed, replaced=replaced)


def _row(app: Quart, plugin: LoadedPlugin, order: int) -> dict[str, Any]:
    parts = core(app)
    name, _, version = plugin.distribution.partition(" ")
    row: dict[str, Any] = {
        "name": plugin.name,
        "version": version or None,
        "distribution": name,
        "order": order,
        "requires": list(plugin.requires),
        "provides": list(plugin.provides),
        "hooks": parts.plugins.hooks_of(plugin),
        "routes": [str(route) for route in routes(app) if route.owner == plugin],
        "tasks": [str(task) for task in parts.tasks.declared if task.owner == plugin],
        "settings": {},
    }
    for owner, hook, result in parts.plugins.dispatcher.contributions:
        if owner != plugin:
            continue
        if hook == "register_settings":
            row["settings"] = _shown(parts.services.get(result))
        elif hook not in SHOWN_ELSEWHERE:
            row[hook.removeprefix("register_")] = [_label(item) for item in result]
    return row


def _shown(settings: BaseModel) -> dict[str, Any]:
    # JSON mode writes asterisks for a secret.
    shown: dict[str, Any] = settings.model_dump(mode="json")
    return shown


def _label(item: object) -> str:
    return str(getattr(item, "name", None) or getattr(item, "code", None) or item)
