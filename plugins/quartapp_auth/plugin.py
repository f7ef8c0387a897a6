from __future__ import annotations

from typing import TYPE_CHECKING

from quartapp import Role, core, hookimpl
from quartapp_auth.commands import user
from quartapp_auth.models import User
from quartapp_auth.passwords import Passwords
from quartapp_auth.roles import BaseRole
from quartapp_auth.routes import blueprint
from quartapp_auth.service import UserService

if TYPE_CHECKING:
    import click
    from quart import Blueprint, Quart

    from quartapp import Model


class AuthPlugin:
    """Accounts with a password, kept here."""

    name = "auth"

    def __init__(self) -> None:
        self._passwords = Passwords()

    @hookimpl
    def register_roles(self) -> list[Role]:
        """Bring the roles that the other bundled plugins add to."""
        return [
            Role(BaseRole.TEACHER, label="Teacher"),
            Role(BaseRole.STUDENT, label="Student"),
            Role(BaseRole.ADMIN, {"people:manage"}, label="Administrator"),
        ]

    @hookimpl
    def register_collections(self) -> list[type[Model]]:
        """Declare accounts."""
        return [User]

    @hookimpl
    def register_services(self, app: Quart) -> None:
        """Offer the service of accounts."""
        parts = core(app)
        parts.services.add(
            UserService(parts.database, parts.tokens, parts.plugins, self._passwords)
        )

    @hookimpl
    def register_blueprints(self) -> list[Blueprint]:
        """Bring the routes under /auth."""
        return [blueprint]

    @hookimpl
    def register_commands(self) -> list[click.Command]:
        """The command ``quartapp user``."""
        return [user]

    @hookimpl
    def shutdown(self) -> None:
        """End the threads that check passwords."""
        self._passwords.close()
