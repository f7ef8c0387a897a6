"""The plugins of one app, with a typed method for each hook of the core but ``register_*``."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from quart.wrappers import Response

from quartapp.clock import SYSTEM_CLOCK, Clock
from quartapp.errors import (
    DatabaseUnavailableError,
    HookFailedError,
    NotDeliveredError,
    PluginError,
)
from quartapp.hooks.changes import Changes
from quartapp.hooks.contributions import Contributions
from quartapp.hooks.decisions import Grant
from quartapp.hooks.dispatcher import Dispatcher
from quartapp.hooks.messages import Messages
from quartapp.hooks.registration import audited, registered
from quartapp.hooks.telling import Telling
from quartapp.identity.principal import (
    CredentialsRefusedError,
    Identity,
    Principal,
    SignInUnavailableError,
)
from quartapp.identity.tokens import RESERVED_CLAIMS
from quartapp.kinds import (
    MAPPING,
    NUMBER,
    TEXT,
    TRUTH,
    Kind,
    described,
    misfit,
    optional,
    several,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from quart import Quart
    from quart.wrappers import Request, Websocket

    from quartapp.database.documents import Document
    from quartapp.hooks.decisions import Deny
    from quartapp.identity.principal import Account
    from quartapp.plugin import LoadedPlugin
    from quartapp.telemetry.metrics import Metrics

Item = TypeVar("Item")

DELIVER_SECONDS = 120.0

# Exceptions by which a hook about identities answers "refused" or "not now"; they are no failures.
_NOT_KNOWN = (CredentialsRefusedError, SignInUnavailableError, DatabaseUnavailableError)
# Types of what hooks return. No message has the values, which are of a person.
_ATTRIBUTES: Mapping[type, Mapping[str, Kind]] = {
    Grant: {},
    Response: {},
    Principal: {"id": TEXT, "role": TEXT, "expires_at": NUMBER, "claims": MAPPING},
    Identity: {
        **dict.fromkeys(("issuer", "subject", "email"), optional(TEXT)),
        "email_verified": TRUTH,
        **dict.fromkeys(("username", "name", "role"), optional(TEXT)),
        "groups": several(TEXT),
        "disabled": optional(TRUTH),
    },
}


class Plugins:
    """The plugins of one app, with a method for each hook that is called after the build.

    Args:
        loaded: The plugins, in order.
        hook_timeout: Time limit of one hook implementation, in seconds.
        clock: Clock that measures the time limit.
        metrics: Metrics of the waiting events; None for no metrics.
        strict: Whether a message that no plugin declares is a failure.

    Attributes:
        loaded: The plugins, in order.
        messages: The messages with which plugins refuse.
        dispatcher: The dispatcher that calls the hooks.
        contributions: What plugins bring while the app is built.
        changes: Stores changes together with outbox entries of plugins.
        delivering: Names of the plugins that deliver entries of the outbox.
        audited: The actions that plugins declare for the audit.

    Raises:
        PluginError: Two plugins or two hooks have the same name, or an implementation fits no hook.
    """

    def __init__(
        self,
        loaded: Sequence[LoadedPlugin],
        hook_timeout: float,
        clock: Clock = SYSTEM_CLOCK,
        metrics: Metrics | None = None,
        *,
        strict: bool = False,
    ) -> None:
        self.loaded = tuple(loaded)
        self.messages = Messages(self.loaded, strict=strict)
        self._manager = registered(self.loaded)
        self.dispatcher = Dispatcher(self._manager, hook_timeout, clock, self.messages)
        for plugin in self.loaded:
            self.dispatcher.owners[id(plugin.implementation)] = plugin
        self.contributions = Contributions(self.dispatcher)
        self.changes = Changes(self.dispatcher, clock)
        self.delivering = self._delivering()
        self.audited = audited(self.loaded)
        self._telling = Telling(self._tell, clock, metrics)
        self._hear_one, self._hear_many = (
            {owner.name for owner, _ in self.dispatcher.implementations(hook)}
            for hook in ("on_event", "on_events")
        )
        # By the type of event; some are frequent.
        self._deaf_to: dict[type, frozenset[str]] = {}

    def hooks_of(self, plugin: LoadedPlugin) -> list[str]:
        """Return the names of the hooks that ``plugin`` implements."""
        callers = self._manager.get_hookcallers(plugin.implementation) or []
        return sorted(caller.name for caller in callers)

    async def startup(self, app: Quart) -> None:
        """Start every plugin.

        Raises:
            HookFailedError: A plugin could not start; the error names the first.
        """
        failures = await self.dispatcher.notify("startup", app=app)
        if failures:
            raise failures[0]

    async def shutdown(self, app: Quart) -> None:
        """Tell plugins the last events, stop them in reverse order, and tell what that caused."""
        await self._telling.close()
        await self.dispatcher.notify("shutdown", backwards=True, app=app)
        await self._telling.close()

    async def verify_credentials(self, email: str, password: str) -> Identity | None:
        """Return the person whom a plugin verifies, or None if no plugin knows the credentials.

        Args:
            email: The address that the person typed, or that of their account.
            password: The password that the person typed, in clear text.

        Raises:
            CredentialsRefusedError: A plugin recognises the credentials and refuses them.
            SignInUnavailableError: A plugin cannot reach the system that knows the credentials.
            HookFailedError: A plugin raised, hung, or returned something else.
        """
        found = await self._first_of(
            "verify_credentials", Identity, _NOT_KNOWN, email=email, password=password
        )
        return _issued(*found) if found else None

    async def refresh_account(self, principal: Principal) -> Identity | None:
        """Return a person's present identity, or None if no plugin knows the person.

        Args:
            principal: The person, as the credentials name the person.

        Raises:
            CredentialsRefusedError: The system that verified the person has removed the person.
            SignInUnavailableError: That system is out of reach.
            HookFailedError: A plugin raised, hung, or returned something else.
        """
        found = await self._first_of("refresh_account", Identity, _NOT_KNOWN, principal=principal)
        return _issued(*found) if found else None

    def implement(self, hook: str) -> bool:
        """Tell whether any plugin implements the hook ``hook``."""
        return bool(self.dispatcher.implementations(hook))

    async def authenticate(self, connection: Request | Websocket) -> Principal | None:
        """Return the principal of foreign credentials, or None if no plugin knows them.

        Args:
            connection: The request or handshake, without a token of this server.

        Raises:
            CredentialsRefusedError: A plugin recognises the credentials and refuses them.
            SignInUnavailableError: A plugin cannot reach the system that knows the credentials.
            HookFailedError: A plugin raised, hung, or returned something else.
        """
        found = await self._first_of("authenticate", Principal, _NOT_KNOWN, connection=connection)
        return found[1] if found else None

    async def token_claims(self, user: Account) -> dict[str, Any]:
        """Return the claims that plugins add to a token.

        Args:
            user: The account that the token is for.

        Raises:
            HookFailedError: A plugin raised, hung, or returned a reserved or taken claim.
        """
        claims: dict[str, Any] = {}
        for owner, brought in await self.dispatcher.collect("token_claims", user=user):
            if not isinstance(brought, dict):
                raise _wrong_type(owner, "token_claims", "a dict", brought)
            taken = sorted(brought.keys() & (RESERVED_CLAIMS | claims.keys()))
            if taken:
                raise HookFailedError(f"plugin {owner}: token_claims: {taken[0]} is taken")
            claims |= brought
        return claims

    async def authorize(
        self, principal: Principal | None, action: str, resource: Mapping[str, object]
    ) -> Deny | None:
        """Return the first refusal of an action, or None if no plugin refuses.

        Args:
            principal: The caller; None without a sign-in.
            action: OperationId of a route, or name of an event.
            resource: Input of the action: path parameters, body and query, or an event's data.

        Raises:
            HookFailedError: A plugin raised, hung, or returned something else.
        """
        denied = await self.dispatcher.decide(
            "authorize", principal=principal, action=action, resource=resource
        )
        if denied is not None:
            self.messages.tell(denied.reason, action)
        return denied

    async def personal_data(self, user_id: str) -> dict[str, dict[str, Any]]:
        """Return what plugins keep of a person, by the name of the plugin.

        Args:
            user_id: Id of the person.

        Raises:
            HookFailedError: A plugin raised, hung, or returned a wrong type.
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        return await self._dicts("personal_data", user_id=user_id)

    async def erase_person(self, user_id: str, *, dry_run: bool) -> dict[str, dict[str, int]]:
        """Let plugins erase what tells who a person is; return the numbers, by plugin.

        Args:
            user_id: Id of the person.
            dry_run: Whether to change nothing, and only to count.

        Raises:
            HookFailedError: A plugin raised, hung, or returned a wrong type.
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        return await self._dicts("erase_person", user_id=user_id, dry_run=dry_run)

    async def _dicts(self, hook: str, **arguments: object) -> dict[str, dict[str, Any]]:
        """Return the dictionaries that a collected hook returns, by the name of the plugin."""
        told = await self.dispatcher.collect(hook, passing=(DatabaseUnavailableError,), **arguments)
        found = {}
        for owner, returned in told:
            if not MAPPING.fits(returned):
                raise _wrong_type(owner, hook, "a dict or None", returned)
            found[owner.name] = dict(returned)
        return found

    async def error_page(self, status: int, message: str) -> Response | None:
        """Return a plugin's page that tells of a refusal, or None for the page of the core.

        Args:
            status: HTTP status code.
            message: Message of the refusal.

        Raises:
            HookFailedError: A plugin raised, hung, or returned something else.
        """
        arguments = {"status": status, "message": message}
        found = await self._first_of("error_page", Response, (), **arguments)
        return found[1] if found else None

    @property
    def grants_something(self) -> bool:
        """Whether any plugin implements ``grant``."""
        return bool(self.dispatcher.implementations("grant"))

    async def grant(
        self, principal: Principal, permission: str, resource: Mapping[str, object]
    ) -> bool:
        """Tell whether a plugin grants a permission that role and ownership do not give.

        Args:
            principal: The caller.
            permission: Name of the permission, such as ``books:lend``.
            resource: Ids of the resource by their names, or the input of a route.

        Raises:
            HookFailedError: A plugin raised, hung, or returned something else.
        """
        arguments = {"principal": principal, "permission": permission, "resource": resource}
        return await self._first_of("grant", Grant, (), **arguments) is not None

    async def on_event(self, event: object) -> None:
        """Let every plugin handle an event, without delay of the caller.

        Plugins handle events one after another, in the order of these calls. The caller waits only
        while more than ``MOST_WAITING`` events wait.

        Args:
            event: The event, a frozen dataclass.
        """
        await self.on_events([event])

    async def on_events(self, events: Sequence[object]) -> None:
        """Let every plugin handle events that happened together, without delay of the caller.

        Plugins with ``on_events`` get them in one call, and the others one after another. The call
        takes one place in the queue of :meth:`on_event`.

        Args:
            events: The events in order, frozen dataclasses; may be empty.
        """
        hearing = self._hear_one | self._hear_many
        if events and (self.changes.asked or not hearing <= self._deaf(events)):
            await self._telling.add(tuple(events))

    async def deliver(self, entry: Document) -> None:
        """Let a plugin deliver an entry of the outbox.

        Args:
            entry: The entry as stored.

        Raises:
            NotDeliveredError: The plugin could not deliver, and says when to try again.
            HookFailedError: The plugin raised, or took longer than ``DELIVER_SECONDS``.
        """
        arguments = {name: entry[name] for name in ("kind", "key", "data", "attempts")}
        await self.dispatcher.one(
            "deliver",
            entry["plugin"],
            DELIVER_SECONDS,
            passing=(NotDeliveredError,),
            at=entry["created"],
            seq=entry.get("seq"),
            **arguments,
        )

    def _delivering(self) -> list[str]:
        asked = {owner.name for owner, _ in self.dispatcher.implementations("outbox_entries")}
        delivering = [owner.name for owner, _ in self.dispatcher.implementations("deliver")]
        for plugin in self.loaded:
            if plugin.name in asked and plugin.name not in delivering:
                raise PluginError(
                    f"plugin {plugin} implements outbox_entries, and not deliver: "
                    "nobody would deliver its entries"
                )
        return delivering

    async def all_told(self) -> None:
        """Wait until the plugins have handled all events so far."""
        await self._telling.all_told()

    async def _tell(self, events: tuple[object, ...]) -> None:
        for event in events:
            await self.changes.told(event)
        # A plugin with both hooks gets what happens alone by `on_event`.
        elsewhere = self._hear_one if len(events) == 1 else set()
        but = elsewhere | self._deaf(events)
        await self.dispatcher.notify("on_events", but=but, events=list(events))
        elsewhere = set() if len(events) == 1 else self._hear_many
        for event in events:
            but = elsewhere | self._deaf([event])
            await self.dispatcher.notify("on_event", but=but, event=event)

    def _deaf(self, events: Sequence[object]) -> frozenset[str]:
        """Return the names of the plugins that want to hear of none of the events."""
        return frozenset.intersection(*(self._deaf_to_kind(type(event)) for event in events))

    def _deaf_to_kind(self, kind: type) -> frozenset[str]:
        found = self._deaf_to.get(kind)
        if found is None:
            names = (one.name for one in self.loaded if not issubclass(kind, one.hears))
            found = self._deaf_to[kind] = frozenset(names)
        return found

    async def _first_of(
        self,
        hook: str,
        kind: type[Item],
        passing: tuple[type[Exception], ...],
        **arguments: object,
    ) -> tuple[LoadedPlugin, Item] | None:
        found = await self.dispatcher.first(hook, passing=passing, **arguments)
        if found is None:
            return None
        owner, result = found
        if not isinstance(result, kind):
            raise _wrong_type(owner, hook, kind.__name__, result)
        if told := misfit(result, _ATTRIBUTES[kind]):
            raise HookFailedError(f"plugin {owner}: {hook}: {told}")
        return owner, result


def _issued(owner: LoadedPlugin, identity: Identity) -> Identity:
    """Return ``identity`` with its plugin as the issuer, unless it has an issuer."""
    return identity if identity.issuer else replace(identity, issuer=owner.name)


def _wrong_type(owner: LoadedPlugin, hook: str, wanted: str, got: object) -> HookFailedError:
    return HookFailedError(
        f"plugin {owner}: {hook} must return {wanted} or None, got {described(got)}"
    )
