"""A loaded plugin, with its origin."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LoadedPlugin:
    """One plugin of an app.

    Attributes:
        name: Name of the plugin, unique in the app.
        distribution: Distribution that declares the plugin, as ``name version``; ``given`` for a
            plugin that a program passed to ``create_app``.
        implementation: The object with the hook implementations.
        requires: Names of the plugins that are loaded before this one.
        provides: Names of the plugins that this one stands for, beside its own name.
        happenings: Classes of the events that the plugin tells.
        hears: Types of the events that the plugin is called for.
        messages: Exact messages of the plugin's refusals. The contract lists them, as clients
            compare messages.
    """

    name: str
    distribution: str
    implementation: object
    requires: tuple[str, ...]
    messages: tuple[str, ...] = ()
    provides: tuple[str, ...] = ()
    happenings: tuple[type, ...] = ()
    hears: tuple[type, ...] = (object,)

    @property
    def names(self) -> tuple[str, ...]:
        """The names by which others may require the plugin."""
        return (self.name, *self.provides)

    def __str__(self) -> str:
        return f"{self.name} ({self.distribution})"
