"""What plugins bring to an app while it is built: a typed method for each ``register_*`` hook."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeVar

import click
from pydantic import BaseModel
from quart import Blueprint

from quartapp.database.indexes import OWN_COLLECTIONS, conflicting_index
from quartapp.database.model import Model
from quartapp.errors import PluginError
from quartapp.hooks.static import Static
from quartapp.identity.roles import Role
from quartapp.realtime.events import EventType, SocketParameter
from quartapp.settings.of_plugins import OwnedNames, load_plugin_settings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from quart import Quart

    from quartapp.hooks.dispatcher import Dispatcher
    from quartapp.plugin import LoadedPlugin

Item = TypeVar("Item")


class Contributions:
    """The contributions of the plugins to one app. Each method calls its hook.

    Args:
        dispatcher: The dispatcher that calls the hooks.
    """

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher

    def settings(self) -> list[tuple[LoadedPlugin, BaseModel]]:
        """Return the settings of each plugin, with values from file and environment.

        Raises:
            PluginError: A plugin registered something else than a pydantic model.
            SettingsFileError: A value is invalid.
        """
        filled = []
        names = OwnedNames()
        for owner, model in self._dispatcher.collect_now("register_settings"):
            if not (isinstance(model, type) and issubclass(model, BaseModel)):
                raise PluginError(f"plugin {owner}: register_settings must return a pydantic model")
            names.take(owner, model)
            filled.append((owner, load_plugin_settings(owner.name, model)))
        return filled

    def roles(self) -> list[tuple[LoadedPlugin, Role]]:
        """Return every role, with the plugin that brings it."""
        return self._items("register_roles", Role)

    def collections(self) -> list[type[Model]]:
        """Return the models of every plugin's documents.

        Raises:
            PluginError: A plugin registered something else than a model, two plugins share a
                collection, or two indexes of one collection differ though their keys are the same.
        """
        owners: dict[str, object] = dict.fromkeys(OWN_COLLECTIONS, "quartapp itself")
        models = []
        for owner, model in self._items("register_collections", type):
            if not issubclass(model, Model):
                raise PluginError(
                    f"plugin {owner}: register_collections must return models, got {model.__name__}"
                )
            name = model.collection()
            other = owners.setdefault(name, owner)
            if other is not owner:
                raise PluginError(f"collection {name} is brought by both {other} and {owner}")
            models.append(model)
            odd = conflicting_index(one for one in models if one.collection() == name)
            if odd is not None:
                raise PluginError(
                    f"plugin {owner}: collection {name} has two indexes on {odd}, "
                    "which differ in their options"
                )
        return models

    def services(self, app: Quart) -> None:
        """Let every plugin add its services to the app, in plugin order."""
        for _ in self._dispatcher.collect_now("register_services", app=app):
            pass

    def socket_parameters(self, app: Quart) -> list[tuple[LoadedPlugin, SocketParameter]]:
        """Return every parameter of the socket's address, with the plugin that brings it."""
        return self._items("register_socket_parameters", SocketParameter, app=app)

    def blueprints(self, app: Quart) -> list[tuple[LoadedPlugin, Blueprint]]:
        """Return every blueprint, with the plugin that brings it."""
        return self._items("register_blueprints", Blueprint, app=app)

    def static(self, app: Quart) -> list[tuple[LoadedPlugin, Static]]:
        """Return every folder of files for browsers, with the plugin that brings it."""
        return self._items("register_static", Static, app=app)

    def events(self, app: Quart) -> list[tuple[LoadedPlugin, EventType]]:
        """Return every event that clients may send, with the plugin that brings it."""
        return self._items("register_events", EventType, app=app)

    def capabilities(self, app: Quart) -> dict[str, dict[str, str | int | bool]]:
        """Return what plugins tell clients, by the name of the plugin.

        Raises:
            PluginError: A plugin returned something else than names with simple values.
        """
        found: dict[str, dict[str, str | int | bool]] = {}
        for owner, told in self._dispatcher.collect_now("register_capabilities", app=app):
            fits = isinstance(told, Mapping) and all(
                isinstance(name, str) and isinstance(value, (str, int, bool))
                for name, value in told.items()
            )
            if not fits:
                raise PluginError(
                    f"plugin {owner}: register_capabilities must return a dict of texts, whole "
                    "numbers and truth values"
                )
            found[owner.name] = dict(told)
        return found

    def commands(self, cli: click.Group) -> dict[str, click.Command]:
        """Return the commands that plugins add to ``cli``, by name, without changing ``cli``.

        Args:
            cli: The command line, with its own commands.

        Raises:
            PluginError: A plugin registered something else than a command with a name, or the
                name is taken.
        """
        found: dict[str, click.Command] = {}
        owners: dict[str, LoadedPlugin] = {}
        for owner, command in self._items("register_commands", click.Command, cli=cli):
            name = command.name
            if not name:
                raise PluginError(f"plugin {owner}: register_commands returned a nameless command")
            if name in cli.commands:
                raise PluginError(
                    f"plugin {owner}: its command {name} is refused, "
                    f"as {cli.name or 'the program'} has its own {name}"
                )
            if name in owners:
                raise PluginError(
                    f"plugin {owner}: its command {name} is refused, "
                    f"as plugin {owners[name]} brings one of that name"
                )
            found[name], owners[name] = command, owner
        return found

    def _items(
        self, hook: str, kind: type[Item], **arguments: object
    ) -> list[tuple[LoadedPlugin, Item]]:
        items = []
        for owner, result in self._dispatcher.collect_now(hook, **arguments):
            for item in _as_list(owner, hook, result):
                if not isinstance(item, kind):
                    raise PluginError(
                        f"plugin {owner}: {hook} must return a list of {kind.__name__}, "
                        f"got {type(item).__name__}"
                    )
                items.append((owner, item))
        return items


def _as_list(owner: LoadedPlugin, hook: str, result: object) -> Iterable[object]:
    if isinstance(result, (list, tuple)):
        return result
    raise PluginError(f"plugin {owner}: {hook} must return a list, got {type(result).__name__}")
