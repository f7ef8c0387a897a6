"""The registration of plugins with pluggy, which refuses what fits no hook."""

from __future__ import annotations

import difflib
import inspect
from types import ModuleType
from typing import TYPE_CHECKING

import pluggy

from quartapp.errors import PluginError
from quartapp.hooks import specs
from quartapp.plugin import LoadedPlugin

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from quartapp.audit.action import AuditAction

_VARIABLE = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


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
        _refuse_unmarked(manager, plugin, brings)
        _refuse_unknown_arguments(manager, plugin)
        _register(manager, plugin)
    return manager


def audited(loaded: Sequence[LoadedPlugin]) -> list[AuditAction]:
    """Return the actions that plugins declare for the audit.

    Args:
        loaded: The plugins, in order.

    Raises:
        PluginError: The name of an action does not begin with the name of its plugin, or one plugin
            has two actions of one name.
    """
    found: dict[str, AuditAction] = {}
    for plugin in loaded:
        for action in getattr(plugin.implementation, "audited", ()):
            if action.name.partition(".")[0] not in plugin.names:
                raise PluginError(
                    f"plugin {plugin}: the audited action {action.name} has to begin with "
                    f"{plugin.name} and a dot"
                )
            if found.setdefault(action.name, action) is not action:
                raise PluginError(f"plugin {plugin}: two audited actions are called {action.name}")
    return list(found.values())


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


def _refuse_unmarked(
    manager: pluggy.PluginManager, plugin: LoadedPlugin, brings: Mapping[str, object]
) -> None:
    """Refuse a method that has the name of a hook and would never be called.

    Args:
        manager: pluggy's manager.
        plugin: The plugin.
        brings: Who brings each hook. Hooks of plugins that the author may not know do not count.
    """
    implementation = plugin.implementation
    for name, brought_by in brings.items():
        if not _is_known_to(plugin, brought_by):
            continue
        method = inspect.getattr_static(implementation, name, None)
        if isinstance(method, staticmethod | classmethod):
            method = method.__func__
        if not inspect.isfunction(method) or hasattr(method, f"{specs.PROJECT_NAME}_spec"):
            continue
        if isinstance(implementation, ModuleType) and method.__module__ != implementation.__name__:
            continue  # the module only imports the function
        if manager.parse_hookimpl_opts(implementation, name) is None:
            raise PluginError(
                f"plugin {plugin}: {name} is the name of a hook, and nobody would call this "
                "method: write @hookimpl above it, or give it another name"
            )


def _is_known_to(plugin: LoadedPlugin, brought_by: object) -> bool:
    if not isinstance(brought_by, LoadedPlugin) or brought_by is plugin:
        return True
    bundled = brought_by.distribution.split()[0] == specs.PROJECT_NAME
    return bundled or not set(brought_by.names).isdisjoint(plugin.requires)


def _refuse_unknown_arguments(manager: pluggy.PluginManager, plugin: LoadedPlugin) -> None:
    implementation = plugin.implementation
    for name in dir(implementation):
        marked = manager.parse_hookimpl_opts(implementation, name)
        caller = marked and getattr(manager.hook, marked.get("specname") or name, None)
        if not caller or caller.spec is None:
            continue  # a hook that does not exist is refused with its name
        offered = caller.spec.argnames
        for parameter in inspect.signature(getattr(implementation, name)).parameters.values():
            if parameter.kind in _VARIABLE or parameter.default is not parameter.empty:
                continue
            if parameter.name not in offered:
                has = f"it has {', '.join(offered)}" if offered else "it has none"
                raise PluginError(
                    f"plugin {plugin}: {name} takes the argument {parameter.name}, which the hook "
                    f"{caller.name} does not have; {has}"
                )


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
