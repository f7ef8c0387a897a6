"""The registration of plugins with pluggy, which refuses what fits no hook."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

import pluggy

from quartapp.errors import PluginError
from quartapp.hooks import specs

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

    from quartapp.plugin import LoadedPlugin


def registered(loaded: Sequence[LoadedPlugin]) -> pluggy.PluginManager:
    """Return pluggy's manager with the hooks of the core and of plugins, and their implementations.

    Args:
        loaded: The plugins, in order.

    Raises:
        PluginError: Two plugins or two hooks have the same name, or an implementation fits no hook.
    """
    _refuse_duplicates(loaded)
    manager = pluggy.PluginManager(specs.PROJECT_NAME)
    manager.add_hookspecs(specs)
    brings: dict[str, object] = dict.fromkeys(_known_hooks(manager), "quartapp itself")
    for plugin in loaded:
        # A plugin may define hooks of its own, which other plugins implement.
        brought = getattr(plugin.implementation, "hookspecs", None)
        if brought is not None:
            _add_hookspecs(manager, plugin, brought, brings)
    for plugin in loaded:
        _register(manager, plugin)
    return manager


def _refuse_duplicates(loaded: Sequence[LoadedPlugin]) -> None:
    by_name: dict[str, LoadedPlugin] = {}
    for plugin in loaded:
        other = by_name.setdefault(plugin.name, plugin)
        if other is not plugin:
            raise PluginError(f"two plugins are called {plugin.name}: {other} and {plugin}")


def _known_hooks(manager: pluggy.PluginManager) -> set[str]:
    return {name for name, caller in vars(manager.hook).items() if caller.spec}


def _add_hookspecs(
    manager: pluggy.PluginManager,
    plugin: LoadedPlugin,
    brought: ModuleType | type,
    brings: dict[str, object],
) -> None:
    names = [name for name in dir(brought) if manager.parse_hookspec_opts(brought, name)]
    for name in names:
        other = brings.setdefault(name, plugin)
        if other is not plugin:
            raise PluginError(f"hook {name} is brought by both {other} and {plugin}")
    manager.add_hookspecs(brought)


def _register(manager: pluggy.PluginManager, plugin: LoadedPlugin) -> None:
    try:
        manager.register(plugin.implementation, plugin.name)
    except (pluggy.PluginValidationError, ValueError) as error:
        told = " ".join(str(error).split())
        raise PluginError(f"plugin {plugin} cannot be registered: {told}") from error
    _refuse_unknown_hooks(manager, plugin)
    for caller in manager.get_hookcallers(plugin.implementation) or ():
        for impl in caller.get_hookimpls():
            if impl.plugin is plugin.implementation and (impl.wrapper or impl.hookwrapper):
                raise PluginError(f"plugin {plugin}: {caller.name} must not be a wrapper")


def _refuse_unknown_hooks(manager: pluggy.PluginManager, plugin: LoadedPlugin) -> None:
    known = _known_hooks(manager)
    for caller in manager.get_hookcallers(plugin.implementation) or ():
        optional = all(
            impl.optionalhook
            for impl in caller.get_hookimpls()
            if impl.plugin is plugin.implementation
        )
        if caller.name in known or optional:
            continue
        meant = difflib.get_close_matches(caller.name, known, n=1)
        raise PluginError(
            f"plugin {plugin} cannot be registered: there is no hook {caller.name}"
            + (f"; did you mean {meant[0]}?" if meant else "")
        )
