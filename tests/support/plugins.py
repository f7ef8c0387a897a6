"""The plugins that this repository brings."""

from __future__ import annotations

from importlib.metadata import entry_points

from quartapp.hooks.discovery import OPTIONAL_GROUP, OWN_DISTRIBUTION

OPTIONAL = tuple(
    sorted(
        point.name
        for point in entry_points(group=OPTIONAL_GROUP)
        if point.dist is not None and point.dist.name == OWN_DISTRIBUTION
    )
)
"""Names of the bundled plugins that ``extra_plugins`` switches on."""
