"""The plugins that this repository brings."""

from __future__ import annotations

from importlib.metadata import entry_points

from quartapp.hooks.discovery import GROUP, OPTIONAL_GROUP, OWN_DISTRIBUTION


def _names(group: str) -> tuple[str, ...]:
    return tuple(
        sorted(
            point.name
            for point in entry_points(group=group)
            if point.dist is not None and point.dist.name == OWN_DISTRIBUTION
        )
    )


DEFAULT = _names(GROUP)
"""Names of the bundled plugins that are on by default."""

OPTIONAL = _names(OPTIONAL_GROUP)
"""Names of the bundled plugins that ``extra_plugins`` switches on."""
