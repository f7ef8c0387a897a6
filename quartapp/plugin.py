"""One plugin of an app, and where it comes from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LoadedPlugin:
    """One plugin of an app.

    Attributes:
        name: Unique within the app.
        distribution: What brought it, as ``name version``; ``given`` when passed by hand.
        implementation: The object with the hook implementations.
        requires: Names of the plugins that are loaded before it.
        messages: What its decisions refuse with, word for word; clients match on messages, so the
            contract lists them.
    """

    name: str
    distribution: str
    implementation: object
    requires: tuple[str, ...]
    messages: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.name} ({self.distribution})"
