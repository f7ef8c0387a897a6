from __future__ import annotations

from typing import TYPE_CHECKING

from quartapp import hookimpl
from quartapp_demo.commands import demo

if TYPE_CHECKING:
    import click


class DemoPlugin:
    """The plugin of the demo: a roll call to watch, from start to end."""

    name = "demo"
    requires = ("auth", "classes", "attendance")

    @hookimpl
    def register_commands(self) -> list[click.Command]:
        """Return the command ``quartapp demo``."""
        return [demo]
