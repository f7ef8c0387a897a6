from __future__ import annotations

from typing import TYPE_CHECKING

from quartapp import hookimpl
from quartapp_oneroster.commands import roster

if TYPE_CHECKING:
    import click


class OneRosterPlugin:
    """Brings people, classes and rolls from a OneRoster CSV set."""

    name = "oneroster"
    requires = ("auth", "classes")

    @hookimpl
    def register_commands(self) -> list[click.Command]:
        """The command ``quartapp roster``."""
        return [roster]
