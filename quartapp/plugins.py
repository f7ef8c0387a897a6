"""Plugins: discovery, order, registration, and the one dispatcher that calls their hooks.

pluggy keeps who implements what. It does not call: it is synchronous, and an asynchronous hook
under ``firstresult`` would return its first *coroutine*. So the core calls hooks through
:class:`Dispatcher`, which awaits each implementation in turn, under a time limit, and knows whose
it was; and :class:`Plugins` has one typed method per hook.
"""

from __future__ import annotations

import asyncio
import inspect
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any, TypeVar

import pluggy
import structlog
from pydantic import BaseModel
from quart import Blueprint

from quartapp import hookspecs
from quartapp.errors import QuartappError
from quartapp.realtime.events import EventType
from quartapp.settings import load_plugin_settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pluggy import HookImpl
    from quart import Quart

log = structlog.get_logger("quartapp.plugins")

GROUP = "quartapp"
OPTIONAL_GROUP = "quartapp.optional"
OWN_DISTRIBUTION = "quartapp"

Item = TypeVar("Item")


class PluginError(QuartappError):
    """A plugin that cannot be loaded or registered, by name, distribution and reason."""


class HookFailedError(QuartappError):
    """A hook implementation raised, hung, or returned the wrong type."""


@dataclass(frozen=True, slots=True)
class LoadedPlugin:
    """One plugin of an app.

    Attributes:
        name: Unique within the app.
        distribution: What brought it, as ``name version``; ``given`` when passed by hand.
        implementation: The object with the hook implementations.
        requires: Names of the plugins that are loaded before it.
    """

    name: str
    distribution: str
    implementation: object
    requires: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.name} ({self.distribution})"


class Dispatcher:
    """Calls hooks: awaits each implementation in turn, attributes every failure.

    Args:
        manager: Knows the implementations.
        timeout: Seconds that one implementation may take.
    """

    def __init__(self, manager: pluggy.PluginManager, timeout: float) -> None:
        self._manager = manager
        self._timeout = timeout
        self.owners: dict[int, LoadedPlugin] = {}

    def implementations(self, hook: str) -> list[tuple[LoadedPlugin, HookImpl]]:
        """Who implements ``hook``, in plugin order (``tryfirst`` first, ``trylast`` last)."""
        found: Sequence[HookImpl] = getattr(self._manager.hook, hook).get_hookimpls()
        ordered = [impl for impl in found if impl.tryfirst]
        ordered += [impl for impl in found if not impl.tryfirst and not impl.trylast]
        ordered += [impl for impl in found if impl.trylast]
        return [(self.owners[id(impl.plugin)], impl) for impl in ordered]

    def collect_now(self, hook: str, **arguments: object) -> Iterator[tuple[LoadedPlugin, Any]]:
        """All results of a ``register_*`` hook.

        Raises:
            PluginError: An implementation raised, or is asynchronous.
        """
        for owner, impl in self.implementations(hook):
            try:
                result = impl.function(*(arguments[name] for name in impl.argnames))
            except Exception as error:
                raise PluginError(f"plugin {owner}: {hook} failed: {_reason(error)}") from error
            if inspect.isawaitable(result):
                if inspect.iscoroutine(result):
                    result.close()
                raise PluginError(f"plugin {owner}: {hook} must not be async")
            if result is not None:
                yield owner, result

    async def notify(
        self, hook: str, *, backwards: bool = False, **arguments: object
    ) -> list[HookFailedError]:
        """Tell every implementation; a failure is logged, returned, and stops no other one.

        Args:
            hook: The hook's name.
            backwards: In reverse plugin order.
            arguments: What the hook specifies.
        """
        failures = []
        called = self.implementations(hook)
        for owner, impl in reversed(called) if backwards else called:
            try:
                await self._call(hook, owner, impl, arguments)
            except HookFailedError as error:
                log.exception("hook failed", hook=hook, plugin=str(owner), exc_info=error.__cause__)
                failures.append(error)
        return failures

    async def _call(
        self, hook: str, owner: LoadedPlugin, impl: HookImpl, arguments: dict[str, object]
    ) -> object:
        try:
            async with asyncio.timeout(self._timeout):
                result = impl.function(*(arguments[name] for name in impl.argnames))
                return await result if inspect.isawaitable(result) else result
        except TimeoutError as error:
            raise HookFailedError(
                f"plugin {owner}: {hook} took longer than {self._timeout:g} s"
            ) from error
        except Exception as error:
            raise HookFailedError(f"plugin {owner}: {hook} failed: {_reason(error)}") from error


class Plugins:
    """The plugins of one app, with a method for each hook.

    Args:
        loaded: The plugins, in order.
        hook_timeout: Seconds that one hook implementation may take.

    Raises:
        PluginError: A name twice, or an implementation that fits no hook.
    """

    def __init__(self, loaded: Sequence[LoadedPlugin], hook_timeout: float) -> None:
        self.loaded = tuple(loaded)
        self._manager = pluggy.PluginManager(hookspecs.PROJECT_NAME)
        self._manager.add_hookspecs(hookspecs)
        self._dispatcher = Dispatcher(self._manager, hook_timeout)
        for plugin in self.loaded:
            self._register(plugin)

    def _register(self, plugin: LoadedPlugin) -> None:
        try:
            self._manager.register(plugin.implementation, plugin.name)
            self._manager.check_pending()
        except (pluggy.PluginValidationError, ValueError) as error:
            raise PluginError(f"plugin {plugin} cannot be registered: {error}") from error
        for caller in self._manager.get_hookcallers(plugin.implementation) or ():
            for impl in caller.get_hookimpls():
                if impl.plugin is plugin.implementation and (impl.wrapper or impl.hookwrapper):
                    raise PluginError(f"plugin {plugin}: {caller.name} must not be a wrapper")
        self._dispatcher.owners[id(plugin.implementation)] = plugin

    def hooks_of(self, plugin: LoadedPlugin) -> list[str]:
        """The names of the hooks that ``plugin`` implements."""
        callers = self._manager.get_hookcallers(plugin.implementation) or []
        return sorted(caller.name for caller in callers)

    def settings(self) -> list[tuple[LoadedPlugin, BaseModel]]:
        """Each plugin's settings, filled.

        Raises:
            PluginError: What was registered is no pydantic model.
            SettingsFileError: A value does not fit.
        """
        filled = []
        for owner, model in self._dispatcher.collect_now("register_settings"):
            if not (isinstance(model, type) and issubclass(model, BaseModel)):
                raise PluginError(f"plugin {owner}: register_settings must return a pydantic model")
            filled.append((owner, load_plugin_settings(owner.name, model)))
        return filled

    def blueprints(self, app: Quart) -> list[tuple[LoadedPlugin, Blueprint]]:
        """Every blueprint, with whose it is."""
        return self._collect_items("register_blueprints", Blueprint, app)

    def events(self, app: Quart) -> list[tuple[LoadedPlugin, EventType]]:
        """Every event that clients may send, with whose it is."""
        return self._collect_items("register_events", EventType, app)

    async def startup(self, app: Quart) -> None:
        """Start every plugin.

        Raises:
            HookFailedError: The first plugin that could not start.
        """
        failures = await self._dispatcher.notify("startup", app=app)
        if failures:
            raise failures[0]

    async def shutdown(self, app: Quart) -> None:
        """Stop every plugin, the last started first."""
        await self._dispatcher.notify("shutdown", backwards=True, app=app)

    async def on_event(self, event: object) -> None:
        """Tell every plugin what happened."""
        await self._dispatcher.notify("on_event", event=event)

    def _collect_items(
        self, hook: str, kind: type[Item], app: Quart
    ) -> list[tuple[LoadedPlugin, Item]]:
        items = []
        for owner, result in self._dispatcher.collect_now(hook, app=app):
            for item in _as_list(owner, hook, result):
                if not isinstance(item, kind):
                    raise PluginError(
                        f"plugin {owner}: {hook} must return a list of {kind.__name__}, "
                        f"got {type(item).__name__}"
                    )
                items.append((owner, item))
        return items


def discover(names: Sequence[str] | None = None, extra: Sequence[str] = ()) -> list[LoadedPlugin]:
    """Load the plugins that installed distributions declare.

    Args:
        names: The exact list; None for all that are on by default.
        extra: Names to load besides.

    Returns:
        The plugins, each after those it requires, else the bundled ones first, then by name.

    Raises:
        PluginError: One is unknown, declared twice, does not import, or lacks what it requires.
    """
    declared = _declared()
    if names is None:
        chosen = [name for name, point in declared.items() if point.group == GROUP]
    else:
        chosen = list(names)
    for name in extra:
        if name not in chosen:
            chosen.append(name)
    for name in chosen:
        if name not in declared:
            raise PluginError(
                f"plugin {name} is not installed; installed are {', '.join(sorted(declared))}"
            )
    return _ordered([_load(declared[name]) for name in chosen])


def _declared() -> dict[str, EntryPoint]:
    declared: dict[str, EntryPoint] = {}
    for group in (GROUP, OPTIONAL_GROUP):
        for point in entry_points(group=group):
            other = declared.get(point.name)
            if other is not None and _distribution(other) != _distribution(point):
                raise PluginError(
                    f"two plugins are called {point.name}: one of {_distribution(other)}, "
                    f"one of {_distribution(point)}; uninstall or rename one"
                )
            declared[point.name] = point
    return declared


def _load(point: EntryPoint) -> LoadedPlugin:
    try:
        target = point.load()
        # One object per app: a class is called, so that two apps in a process share no state.
        implementation = target() if isinstance(target, type) else target
    except Exception as error:
        raise PluginError(
            f"plugin {point.name} ({_distribution(point)}) cannot be loaded: {_reason(error)}"
        ) from error
    return LoadedPlugin(point.name, _distribution(point), implementation, _requires(implementation))


def given(implementation: object, name: str | None = None) -> LoadedPlugin:
    """A plugin passed by hand, as tests and small programs do."""
    implementation = implementation() if isinstance(implementation, type) else implementation
    default = getattr(implementation, "name", None) or type(implementation).__name__
    return LoadedPlugin(name or str(default), "given", implementation, _requires(implementation))


def _ordered(plugins: list[LoadedPlugin]) -> list[LoadedPlugin]:
    """Each plugin after those it requires; where that leaves a choice, ours first, then by name."""
    waiting = sorted(
        plugins,
        key=lambda plugin: (plugin.distribution.split()[0] != OWN_DISTRIBUTION, plugin.name),
    )
    names = {plugin.name for plugin in plugins}
    ordered: list[LoadedPlugin] = []
    placed: set[str] = set()
    for plugin in waiting:
        missing = [name for name in plugin.requires if name not in names]
        if missing:
            raise PluginError(f"plugin {plugin} requires the plugin {', '.join(missing)}")
    while waiting:
        ready = next((p for p in waiting if placed.issuperset(p.requires)), None)
        if ready is None:
            raise PluginError(
                f"plugins require each other in a circle: {', '.join(p.name for p in waiting)}"
            )
        waiting.remove(ready)
        ordered.append(ready)
        placed.add(ready.name)
    return ordered


def _requires(implementation: object) -> tuple[str, ...]:
    return tuple(getattr(implementation, "requires", ()))


def _distribution(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist else "unknown distribution"


def _as_list(owner: LoadedPlugin, hook: str, result: object) -> Iterable[object]:
    if isinstance(result, (list, tuple)):
        return result
    raise PluginError(f"plugin {owner}: {hook} must return a list, got {type(result).__name__}")


def _reason(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
