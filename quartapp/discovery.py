"""Which plugins an app has: what is installed, what was asked for, and in which order."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING

from quartapp.dispatcher import LoadedPlugin, PluginError, reason

if TYPE_CHECKING:
    from collections.abc import Sequence

GROUP = "quartapp"
OPTIONAL_GROUP = "quartapp.optional"
OWN_DISTRIBUTION = "quartapp"


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
            f"plugin {point.name} ({_distribution(point)}) cannot be loaded: {reason(error)}"
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
