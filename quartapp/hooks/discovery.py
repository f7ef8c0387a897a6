"""The plugins of an app: the search for installed plugins, the choice, and the order."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, NamedTuple

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from quartapp.audit.action import AuditAction
from quartapp.errors import PluginError
from quartapp.extras import command_for, missing_of
from quartapp.hooks.dispatcher import reason
from quartapp.kinds import CLASS, TEXT, Kind, a, check, several
from quartapp.plugin import LoadedPlugin
from quartapp.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

GROUP = "quartapp"
OPTIONAL_GROUP = "quartapp.optional"
TEXTS = several(TEXT)
OWN_DISTRIBUTION = "quartapp"


class Declared(NamedTuple):
    """A plugin as its distribution declares it, which is not imported yet."""

    point: EntryPoint
    distribution: str
    """Name and version of the distribution."""


def discover(names: Sequence[str] | None = None, extra: Sequence[str] = ()) -> list[LoadedPlugin]:
    """Load the plugins that installed distributions declare.

    Args:
        names: The exact list of names; None for all default plugins.
        extra: Names of further plugins to load.

    Returns:
        The plugins in the order of :func:`in_order`.

    Raises:
        PluginError: A plugin is unknown, declared twice, does not import, or lacks its extra or
            a plugin that it requires; or two plugins stand for one name.
    """
    found, failed = survey(names, extra)
    if failed:
        raise next(iter(failed.values()))
    return in_order(found)


def survey(
    names: Sequence[str] | None = None, extra: Sequence[str] = ()
) -> tuple[list[LoadedPlugin], dict[str, PluginError]]:
    """Load plugins like :func:`discover`, without an order, and go on after a failure.

    Args:
        names: The exact list of names; None for all default plugins.
        extra: Names of further plugins to load.

    Returns:
        The loaded plugins, and the errors of all other plugins by name.

    Raises:
        PluginError: Two distributions declare plugins of one name.
    """
    declared = _declared()
    chosen = [name for name, plugin in declared.items() if plugin.point.group == GROUP]
    if names is not None:
        chosen = list(names)
    found, failed = [], {}
    for name in dict.fromkeys([*chosen, *extra]):
        try:
            if name not in declared:
                raise PluginError(
                    f"plugin {name} is not installed; installed are {', '.join(sorted(declared))}"
                )
            found.append(_load(declared[name]))
        except PluginError as error:
            failed[name] = error
    return found, failed


def installed_plugins() -> dict[str, str]:
    """Return the distribution of every installed plugin, by name of the plugin.

    Raises:
        PluginError: Two distributions declare plugins of one name.
    """
    return {name: plugin.distribution for name, plugin in _declared().items()}


def bundled_plugins() -> list[str]:
    """Return the names of the plugins that come with quartapp and are on by default.

    Raises:
        PluginError: Two distributions declare plugins of one name.
    """
    return [
        name
        for name, (point, distribution) in _declared().items()
        if point.group == GROUP and distribution.split()[0] == OWN_DISTRIBUTION
    ]


def _declared() -> dict[str, Declared]:
    declared: dict[str, Declared] = {}
    # Each call reads the files of all installed distributions, so one call serves both groups.
    found = entry_points()
    distributions: dict[int, str] = {}
    for group in (GROUP, OPTIONAL_GROUP):
        for point in found.select(group=group):
            distribution = distributions.get(id(point.dist))
            if distribution is None:
                distribution = distributions[id(point.dist)] = _distribution(point)
            other = declared.get(point.name)
            if other is not None and other.distribution != distribution:
                raise PluginError(
                    f"two plugins are called {point.name}: one of {other.distribution}, "
                    f"one of {distribution}; uninstall or rename one"
                )
            declared[point.name] = Declared(point, distribution)
    return declared


def _load(plugin: Declared) -> LoadedPlugin:
    _require_extra(plugin)
    point, distribution = plugin
    try:
        target = point.load()
        # Each app calls the class anew, so that two apps in a process share no state.
        implementation = target() if isinstance(target, type) else target
    except (Exception, SystemExit) as error:
        raise PluginError(
            f"plugin {point.name} ({distribution}) cannot be loaded: {reason(error)}"
        ) from error
    return _loaded(point.name, distribution, implementation)


def _require_extra(plugin: Declared) -> None:
    """Refuse a plugin whose distribution has an extra of the plugin's name, and lacks it."""
    point, distribution = plugin
    missing = missing_of(point.name, point.dist) if point.dist else []
    if point.dist and missing:
        raise PluginError(
            f"plugin {point.name} ({distribution}) needs {', '.join(missing)}; "
            f"install with: {command_for(point.name, point.dist)}"
        )


def given(implementation: object, name: str | None = None) -> LoadedPlugin:
    """Return a plugin that a test or a small program passes by hand.

    Args:
        implementation: The plugin, an object or a class.
        name: Name of the plugin; by default its attribute ``name``, or the name of its class.
    """
    implementation = implementation() if isinstance(implementation, type) else implementation
    default = getattr(implementation, "name", None) or type(implementation).__name__
    return _loaded(name or str(default), "given", implementation)


def loaded(item: object) -> LoadedPlugin:
    """Return ``item`` as a loaded plugin.

    Args:
        item: A loaded plugin, or an object or class that :func:`given` takes.
    """
    return item if isinstance(item, LoadedPlugin) else given(item)


def _loaded(name: str, distribution: str, implementation: object) -> LoadedPlugin:
    try:
        _check_declared(implementation)
    except TypeError as error:
        raise PluginError(f"plugin {name} ({distribution}): {error}") from error
    plugin = LoadedPlugin(
        name=name,
        distribution=distribution,
        implementation=implementation,
        requires=_names(getattr(implementation, "requires", ())),
        provides=_names(getattr(implementation, "provides", ())),
        messages=tuple(getattr(implementation, "messages", ())),
        happenings=tuple(getattr(implementation, "happenings", ())),
        hears=tuple(getattr(implementation, "hears", (object,))),
    )
    wanted = getattr(plugin.implementation, "requires_quartapp", None)
    if wanted is None:
        return plugin
    try:
        fits = SpecifierSet(wanted).contains(__version__, prereleases=True)
    except (InvalidSpecifier, TypeError) as error:
        raise PluginError(
            f"plugin {plugin}: requires_quartapp {wanted!r} is no version specifier"
        ) from error
    if not fits:
        raise PluginError(
            f"plugin {plugin} requires quartapp {wanted}, and this is {__version__}; "
            "upgrade one of the two"
        )
    return plugin


def _check_declared(implementation: object) -> None:
    names = Kind("a name or several names", lambda value: TEXT.fits(value) or TEXTS.fits(value))
    for attribute, kind in {
        "requires": names,
        "provides": names,
        "messages": TEXTS,
        "happenings": several(CLASS),
        "hears": several(CLASS),
        "audited": several(a(AuditAction, "an AuditAction")),
    }.items():
        check(f"`{attribute}`", getattr(implementation, attribute, ()), kind)


def _names(given: str | Iterable[str]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)


def replaced_by(plugins: Iterable[LoadedPlugin]) -> dict[str, LoadedPlugin]:
    """Return the plugins that stand for bundled ones, by the name of the bundled plugin.

    Args:
        plugins: The chosen plugins.

    Raises:
        PluginError: Two plugins stand for one name.
    """
    chosen = list(plugins)
    standing: dict[str, LoadedPlugin] = {}
    for plugin in chosen:
        for name in plugin.provides:
            other = standing.setdefault(name, plugin)
            if other is not plugin:
                raise _both(name, other, plugin)
    replaced = {}
    for plugin in chosen:
        other = standing.get(plugin.name, plugin)
        if other is plugin:
            continue
        if not _is_bundled(plugin):
            raise _both(plugin.name, plugin, other)
        replaced[plugin.name] = other
    return replaced


def _both(name: str, one: LoadedPlugin, other: LoadedPlugin) -> PluginError:
    return PluginError(f"plugins {one} and {other} both stand for {name}; switch one of them off")


def without_replaced(plugins: Iterable[LoadedPlugin]) -> list[LoadedPlugin]:
    """Return plugins in their order, without the bundled ones that others stand for.

    Args:
        plugins: The chosen plugins.

    Raises:
        PluginError: Two plugins stand for one name.
    """
    chosen = list(plugins)
    replaced = replaced_by(chosen)
    return [plugin for plugin in chosen if replaced.get(plugin.name, plugin) is plugin]


def complete(plugins: Iterable[LoadedPlugin]) -> list[LoadedPlugin]:
    """Return plugins like :func:`without_replaced`, if none lacks a plugin that it requires.

    Args:
        plugins: The chosen plugins.

    Raises:
        PluginError: A required plugin is missing, or two plugins stand for one name.
    """
    chosen = without_replaced(plugins)
    for plugin in chosen:
        missing = _lacking(plugin, chosen)
        if missing:
            raise PluginError(f"plugin {plugin} requires the plugin {', '.join(missing)}")
    return chosen


def in_order(plugins: Iterable[LoadedPlugin]) -> list[LoadedPlugin]:
    """Sort plugins: each after those it requires, then bundled plugins first, then by name.

    Bundled plugins that others stand for (``provides``) are left out.

    Args:
        plugins: The plugins, in any order.

    Raises:
        PluginError: A required plugin is missing, plugins require each other, or two plugins stand
            for one name.
    """
    waiting = sorted(complete(plugins), key=lambda plugin: (not _is_bundled(plugin), plugin.name))
    ordered: list[LoadedPlugin] = []
    while waiting:
        ready = next((plugin for plugin in waiting if not _lacking(plugin, ordered)), None)
        if ready is None:
            raise PluginError(
                f"plugins require each other in a circle: {', '.join(p.name for p in waiting)}"
            )
        waiting.remove(ready)
        ordered.append(ready)
    return ordered


def _lacking(plugin: LoadedPlugin, present: Iterable[LoadedPlugin]) -> list[str]:
    """Return what a plugin requires that nobody present is or stands for."""
    names = {name for other in present for name in other.names}
    return [name for name in plugin.requires if name not in names]


def _is_bundled(plugin: LoadedPlugin) -> bool:
    return plugin.distribution.split()[0] == OWN_DISTRIBUTION


def _distribution(point: EntryPoint) -> str:
    if point.dist is None:
        return "unknown distribution"
    metadata = point.dist.metadata  # parsed at each access
    return f"{metadata['Name']} {metadata['Version']}"
