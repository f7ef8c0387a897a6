from __future__ import annotations

from typing import TYPE_CHECKING

from quartapp.core import core
from quartapp.hooks.specs import hookimpl
from quartapp_auth.commands import user
from quartapp_auth.models import User
from quartapp_auth.passwords import Passwords
from quartapp_auth.routes import blueprint
from quartapp_auth.service import UserService

if TYPE_CHECKING:
    import click
    from quart import Blueprint, Quart


class AuthPlugin:
    """Accounts with a password, kept here."""

    name = "auth"

    def __init__(self) -> None:
        self._passwords = Passwords()

    @hookimpl
    def register_blueprints(self, app: Quart) -> list[Blueprint]:
        """The routes under /auth."""
        parts = core(app)
        parts.database.models.append(User)
        parts.services.add(
            UserService(parts.database, parts.tokens, parts.plugins, self._passwords)
        )
        return [blueprint]

    @hookimpl
    def register_commands(self) -> list[click.Command]:
        """The command ``quartapp user``."""
        return [user]

    @hookimpl
    def shutdown(self) -> None:
        """End the threads that check passwords."""
        self._passwords.close()
