from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from quartapp import AccountMaker, Role, Standing, core, end_tasks, hookimpl
from quartapp_auth import hookspecs
from quartapp_auth.accounts.bulk import BulkAccounts
from quartapp_auth.accounts.earlier import MIGRATIONS
from quartapp_auth.accounts.mongo_store import MongoUserStore
from quartapp_auth.accounts.people import People
from quartapp_auth.accounts.store import UserStore
from quartapp_auth.administration.administration import MANAGING, Administration
from quartapp_auth.administration.audit_routes import AUDITING, audit_routes
from quartapp_auth.administration.people_routes import people_routes
from quartapp_auth.audited import ACTIONS
from quartapp_auth.commands import user
from quartapp_auth.credentials.codes import Codes
from quartapp_auth.credentials.credentials_command import credentials
from quartapp_auth.credentials.first import FirstCredentials
from quartapp_auth.credentials.forgotten import ForgottenPasswords
from quartapp_auth.credentials.password_change import PasswordChange
from quartapp_auth.credentials.password_routes import blueprint as password_blueprint
from quartapp_auth.credentials.password_rule import PasswordRule
from quartapp_auth.credentials.reset_routes import reset_routes
from quartapp_auth.credentials.resets import Resets
from quartapp_auth.erasure import Erasure, erase_account
from quartapp_auth.happenings import UserRegistered
from quartapp_auth.metrics import AuthMetrics
from quartapp_auth.models import (
    FailedSignInDocument,
    InvitationDocument,
    OneTimeCodeDocument,
    SetupDocument,
    UserDocument,
)
from quartapp_auth.personal import personal_data
from quartapp_auth.registering.invitation_command import invite
from quartapp_auth.registering.invitation_routes import invitation_routes
from quartapp_auth.registering.invitations import Invitations
from quartapp_auth.registering.registrations import Registrations
from quartapp_auth.registering.rule import RegistrationRule, rule_for
from quartapp_auth.registering.setup import Setup
from quartapp_auth.registering.setup_notice import SetupNotice
from quartapp_auth.registering.setup_routes import setup_routes
from quartapp_auth.roles import BaseRole
from quartapp_auth.routes import blueprint
from quartapp_auth.service import UserService
from quartapp_auth.settings import AuthSettings
from quartapp_auth.signing_in.failure_counts import FailureCounts, Limit
from quartapp_auth.signing_in.guessing import Guessing, Limits
from quartapp_auth.signing_in.hashing import Hashing
from quartapp_auth.signing_in.passwords import Passwords
from quartapp_auth.signing_in.refresh import Refresher
from quartapp_auth.signing_in.sign_out import SignOut
from quartapp_auth.signing_in.sign_out_routes import blueprint as sign_out_blueprint
from quartapp_auth.signing_in.states import AccountStates
from quartapp_auth.signing_in.ticket_routes import blueprint as ticket_blueprint

if TYPE_CHECKING:
    import click
    from quart import Blueprint, Quart

    from quartapp import Changes, Database, Model

# Whoever tries quartapp out opens many sockets of one person.
SOCKETS_WHERE_OPEN = 1000


class AuthPlugin:
    """The plugin of accounts with a password."""

    name = "auth"
    happenings = (UserRegistered,)
    hookspecs = hookspecs
    audited = ACTIONS
    migrations = MIGRATIONS

    def __init__(self) -> None:
        self._database: Database | None = None
        self._changes: Changes | None = None
        self._people: People | None = None
        self._hashing: Hashing | None = None
        self._states: AccountStates | None = None
        self._rule: RegistrationRule | None = None
        self._notice: SetupNotice | None = None
        self._watching: list[asyncio.Task[None]] = []

    @hookimpl
    def register_settings(self) -> type[AuthSettings]:
        """Declare who may register, and what follows other systems."""
        return AuthSettings

    @hookimpl
    def register_roles(self) -> list[Role]:
        """Return the roles to which other bundled plugins add permissions."""
        return [
            Role(BaseRole.TEACHER, label="Teacher"),
            Role(BaseRole.STUDENT, label="Student"),
            Role(BaseRole.ADMIN, {MANAGING, AUDITING}, label="Administrator"),
        ]

    @hookimpl
    def register_capabilities(self, app: Quart) -> dict[str, str]:
        """Tell clients who may register."""
        return {"registration": core(app).services.get(RegistrationRule).setting}

    @hookimpl
    def register_collections(self) -> list[type[Model]]:
        """Declare the collections of accounts, and of what leads to one."""
        return [
            *(UserDocument, InvitationDocument, SetupDocument),
            *(OneTimeCodeDocument, FailedSignInDocument),
        ]

    @hookimpl
    def register_services(self, app: Quart) -> None:
        """Provide the service of accounts."""
        parts = core(app)
        self._database = parts.database
        settings = parts.services.get(AuthSettings)
        store = parts.services.find(UserStore)  # type: ignore[type-abstract] # mypy takes a protocol for a class that cannot be used
        if store is None:
            store = MongoUserStore(parts.database)
            parts.services.add(store, as_=UserStore)
            parts.services.add(BulkAccounts(parts.database))
        metrics = AuthMetrics(parts.metrics.registry)
        self._hashing = Hashing(metrics, parts.settings.workers, settings.hash_queue)
        passwords = Passwords(self._hashing)
        counting = (FailureCounts(parts.database), _limits(settings), parts.tokens)
        guessing = Guessing(*counting, parts.clock, metrics)
        parts.services.add(self._hashing)
        parts.services.add(guessing)
        self._rule = rule = rule_for(settings.registration, parts.settings)
        parts.services.add(rule)
        if rule.is_open:
            parts.hub.allow_per_user(SOCKETS_WHERE_OPEN)
        password_rule = PasswordRule(rule.is_open, settings.school_names)
        users = UserService(
            store, parts.tokens, parts.plugins, passwords, guessing, settings, rule, password_rule
        )
        self._people = users
        parts.services.add(users)
        parts.services.add(users, as_=People)
        parts.services.add(users, as_=AccountMaker)
        invitations = Invitations(
            parts.database, parts.clock, rule, parts.roles, parts.plugins.changes
        )
        parts.services.add(invitations)
        parts.services.add(Registrations(users, rule, invitations, password_rule))
        setup = Setup(
            *(users, store, parts.database, parts.tokens, rule, guessing), parts.plugins.changes
        )
        self._notice = SetupNotice(setup, parts.settings)
        parts.services.add(setup)
        parts.services.add(self._notice)
        asks = parts.plugins.implement("refresh_account")
        refresher = Refresher(parts.plugins, users, parts.clock, settings.refresh_minutes)
        self._states = AccountStates(store, parts.hub, parts.clock, refresher if asks else None)
        parts.services.add(self._states, as_=Standing)
        codes = Codes(parts.database, parts.clock, parts.plugins.changes)
        resets = Resets(users, codes, self._states)
        parts.services.add(resets)
        parts.services.add(FirstCredentials(users, resets))
        asking = Guessing(*counting, parts.clock, metrics, "forgotten passwords")
        parts.services.add(ForgottenPasswords(parts.services, users, asking))
        parts.services.add(PasswordChange(users, passwords, guessing, self._states))
        parts.services.add(SignOut(store, self._states, parts.clock, parts.plugins.changes))
        administration = Administration(store, users, self._states, parts.roles)
        parts.services.add(administration)
        parts.services.add(Erasure(parts.database, administration, parts.plugins))
        self._changes = parts.plugins.changes

    @hookimpl
    def register_blueprints(self) -> list[Blueprint]:
        """Return the routes under /auth, and those of administrators."""
        return [
            *(blueprint, sign_out_blueprint, password_blueprint, reset_routes, ticket_blueprint),
            *(setup_routes, invitation_routes, people_routes, audit_routes),
        ]

    @hookimpl
    async def personal_data(self, user_id: str) -> dict[str, object] | None:
        """Return the account."""
        if self._database is None or self._people is None:
            return None
        return await personal_data(self._people, self._database, user_id)

    @hookimpl
    async def erase_person(self, user_id: str, dry_run: bool) -> dict[str, int] | None:
        """Give the account a name that says nothing."""
        if self._database is None or self._people is None or self._changes is None:
            return None
        user = await self._people.get(user_id)
        return await erase_account(self._database, self._changes, user, dry_run=dry_run)

    @hookimpl
    def register_commands(self) -> list[click.Command]:
        """Return the commands ``quartapp user`` and ``quartapp invite``."""
        user.add_command(credentials)
        return [user, invite]

    @hookimpl
    async def startup(self) -> None:
        """Start watching accounts, and tell who may register or how the first account is made."""
        if self._rule is not None:
            self._rule.warn()
            if self._notice is not None and not self._rule.is_open:
                await self._notice.tell()
        if self._states is not None:
            self._watching = [
                asyncio.create_task(self._states.run()),
                asyncio.create_task(self._states.ask_about_sockets()),
            ]

    @hookimpl
    async def shutdown(self) -> None:
        """Stop watching, and stop the threads that hash passwords."""
        await end_tasks(self._watching)
        if self._hashing is not None:
            self._hashing.close()


def _limits(settings: AuthSettings) -> Limits:
    return Limits(
        pair=Limit("pair", settings.failures_per_pair, grows=True),
        account=Limit("account", settings.failures_per_account),
        network=Limit("network", settings.failures_per_network),
    )
