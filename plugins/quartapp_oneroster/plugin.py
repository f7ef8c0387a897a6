from __future__ import annotations

from typing import TYPE_CHECKING

from quartapp import hookimpl
from quartapp_oneroster.audited import ACTIONS
from quartapp_oneroster.commands import roster

if TYPE_CHECKING:
    import click


class OneRosterPlugin:
    """The plugin that imports people, classes and rolls from OneRoster CSV sets."""

    name = "oneroster"
    requires = ("auth", "classes")
    audited = ACTIONS

    @hookimpl
    def register_commands(self) -> list[click.Command]:
        """Return the command ``quartapp roster``."""
        return [roster]
