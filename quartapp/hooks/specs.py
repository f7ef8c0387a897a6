"""Every hook, in the order of an app's life.

``register_*`` hooks are called once, while the app is built. ``startup`` and ``shutdown`` surround
serving. ``on_event`` tells of what the database already has. Implementations take the parameters
they need and leave out the rest; those that are not ``register_*`` may be ``async``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import click
    from pydantic import BaseModel
    from quart import Blueprint, Quart
    from quart.wrappers import Request, Websocket

    from quartapp.database.database import Model
    from quartapp.database.outbox_store import OutboxEntry
    from quartapp.hooks.decisions import Decision, Grant
    from quartapp.identity.principal import Account, Identity, Principal
    from quartapp.identity.roles import Role
    from quartapp.realtime.events import EventType, SocketParameter

PROJECT_NAME = "quartapp"

hookspec = pluggy.HookspecMarker(PROJECT_NAME)
hookimpl = pluggy.HookimplMarker(PROJECT_NAME)


@hookspec
def register_settings() -> type[BaseModel]:
    """At build: a pydantic model of the plugin's settings. Collected.

    It is filled from ``[plugins.<name>]`` in quartapp.toml and from ``QUARTAPP_<NAME>_<FIELD>`` in
    the environment, which wins; find the result with ``core.services.get(TheModel)``.

    Example:
        >>> @hookimpl
        ... def register_settings(self):
        ...     return LibrarySettings
    """
    raise NotImplementedError


@hookspec
def register_roles() -> Iterable[Role]:
    """At build: roles, or permissions that are added to a role of another plugin. Collected.

    A permission is a word of the plugin that asks for it, such as ``marks:write``. The bundled
    plugins bring ``teacher``, ``student`` and ``admin``; the table of their permissions is in the
    documentation.

    Example:
        >>> @hookimpl
        ... def register_roles(self):
        ...     return [
        ...         Role("assistant", {"marks:write"}, label="Assistant"),
        ...         Role("teacher", {"books:lend"}),
        ...     ]
    """
    raise NotImplementedError


@hookspec
def register_collections() -> Iterable[type[Model]]:
    """At build: the models of documents that the plugin keeps. Collected.

    Their indexes are made before ``startup``. Two plugins cannot declare one collection.

    Example:
        >>> @hookimpl
        ... def register_collections(self):
        ...     return [Book]
    """
    raise NotImplementedError


@hookspec
def register_services(app: Quart) -> None:
    """At build: add to ``core(app).services`` what routes, events, commands and plugins use.

    Called in plugin order, after every plugin's settings and before every other hook that gets
    ``app``: the services of the plugins that are required are there. The database is not open yet,
    so a service keeps ``core(app).database`` and uses it when it is asked.

    Example:
        >>> @hookimpl
        ... def register_services(self, app):
        ...     core(app).services.add(LibraryService(core(app).database))
    """


@hookspec
def register_blueprints(app: Quart) -> Iterable[Blueprint]:
    """At build: Quart blueprints whose routes join the app and its OpenAPI document. Collected.

    Every route is an :class:`quartapp.http.operation.Operation`, which says who may call it.

    Example:
        >>> @hookimpl
        ... def register_blueprints(self, app):
        ...     return [blueprint]
    """
    raise NotImplementedError


@hookspec
def register_events(app: Quart) -> Iterable[EventType]:
    """At build: the WebSocket events that clients may send. Collected.

    Example:
        >>> @hookimpl
        ... def register_events(self, app):
        ...     return [EventType(name="RAISE_HAND", data=Hand, handler=raise_hand)]
    """
    raise NotImplementedError


@hookspec
def register_socket_parameters(app: Quart) -> Iterable[SocketParameter]:
    """At build: query parameters that clients may add to the address of the socket. Collected.

    Example:
        >>> @hookimpl
        ... def register_socket_parameters(self, app):
        ...     return [SocketParameter(name="shelf", pattern="[a-z]{1,20}", greet=greet)]
    """
    raise NotImplementedError


@hookspec
def register_commands(cli: click.Group) -> Iterable[click.Command]:
    """At build of the command line: commands for ``quartapp``, beside its own. Collected.

    Called when help is asked for, or a command that is not one of quartapp's own; so import what
    is slow inside the command. A name that is taken is refused. When a command raises a
    :class:`quartapp.errors.QuartappError`, its message is shown, and the exit status is 2.

    Example:
        >>> @hookimpl
        ... def register_commands(self, cli):
        ...     return [import_people]
    """
    raise NotImplementedError


@hookspec
def verify_credentials(email: str, password: str) -> Identity | None:
    """At login, before the local password: whom another system knows by these credentials.

    First answer. None says "not mine", and the local password decides; a raised
    :class:`~quartapp.identity.principal.CredentialsRefusedError` refuses, and no local password
    helps. A :class:`~quartapp.identity.principal.SignInUnavailableError` says that the other system
    is out of reach: 503. A person who is verified for the first time gets an account, without a
    local password; the account follows the identity at each sign-in.

    Example:
        >>> @hookimpl
        ... async def verify_credentials(self, email, password):
        ...     entry = await directory.bind(email, password)
        ...     if entry is None:
        ...         raise CredentialsRefusedError
        ...     return Identity(
        ...         subject=entry.id,
        ...         email=email,
        ...         email_verified=True,
        ...         name=entry.name,
        ...         role=entry.role,
        ...     )
    """


@hookspec
def refresh_account(principal: Principal) -> Identity | None:
    """While a person uses a token or a socket: who they are by now, as another system says.

    First answer. Asked every ``refresh_minutes`` of the auth plugin and for each person who is
    active, in each process. The account follows the identity; a change of role ends the person's
    tokens. A :class:`~quartapp.identity.principal.CredentialsRefusedError` ends them too. None
    says "not mine". A failure, or a
    :class:`~quartapp.identity.principal.SignInUnavailableError`, changes nothing, and the hook is
    asked again a minute later.

    Example:
        >>> @hookimpl
        ... async def refresh_account(self, principal):
        ...     entry = await directory.find(principal.id)
        ...     if entry is None:
        ...         raise CredentialsRefusedError
        ...     return Identity(subject=entry.id, name=entry.name, role=entry.role)
    """


@hookspec
def authenticate(connection: Request | Websocket) -> Principal | None:
    """A request or socket without a token of ours: who it comes from.

    First answer. A recognised bad credential raises
    :class:`~quartapp.identity.principal.CredentialsRefusedError`, which answers 401 or closes the
    socket. A :class:`~quartapp.identity.principal.SignInUnavailableError` answers 503, or
    ``Service Unavailable`` on the socket.

    Example:
        >>> @hookimpl
        ... async def authenticate(self, connection):
        ...     return self.principals.get(connection.headers.get("X-Api-Key"))
    """


@hookspec
def token_claims(user: Account) -> dict[str, object] | None:
    """A token is issued: claims to add. Collected.

    The claims ``id``, ``role``, ``iat``, ``exp``, ``ver``, ``jti`` and ``iss`` are the server's.

    Example:
        >>> @hookimpl
        ... def token_claims(self, user):
        ...     return {"tenant": "north"}
    """


@hookspec
def grant(principal: Principal, permission: str, resource: Mapping[str, object]) -> Grant | None:
    """Somebody wants to do something that role or ownership does not allow. First answer.

    ``resource`` names the thing by its ids: ``{"class_id": "..."}``, or for a route all that it was
    asked with. A ``Grant`` allows it, None is no opinion. A ``Deny`` of ``authorize`` still
    refuses. Answers about a class are remembered until its roll changes. A failure refuses, as 500.

    Example:
        >>> @hookimpl
        ... def grant(self, principal, permission, resource):
        ...     if (principal.id, resource.get("class_id")) in self.co_teachers:
        ...         return Grant()
    """


@hookspec
def authorize(
    principal: Principal | None, action: str, resource: Mapping[str, object]
) -> Decision | None:
    """Each action, after token, role and input were checked. Any refusal refuses.

    ``principal`` is None on routes that anybody may call, such as registration and sign-in.
    ``action`` is the operationId of a route or the name of an event; a route of a dialect has the
    action of the route that it is another form of. ``resource`` is what it was asked with.
    ``Allow()`` overrules no other plugin's ``Deny``; None is no opinion. A failure refuses as well,
    as 500.

    Example:
        >>> @hookimpl
        ... def authorize(self, principal, action, resource):
        ...     if action == "deleteClass" and not in_office_hours():
        ...         return Deny("Come back in office hours")
    """


@hookspec
def startup(app: Quart) -> None:
    """Before the first request, in plugin order, with the database connected. Notified.

    An error stops the server. Indexes and background tasks belong here.

    Example:
        >>> @hookimpl
        ... async def startup(self, app):
        ...     self.client = await connect()
    """


@hookspec
def shutdown(app: Quart) -> None:
    """After the last request, in reverse plugin order. Notified, errors are isolated.

    Example:
        >>> @hookimpl
        ... async def shutdown(self, app):
        ...     await self.client.close()
    """


@hookspec
def on_event(event: object) -> None:
    """After the database has it: what happened, as a frozen dataclass. Notified.

    Called once per event, in the process that caused it, after that one has gone on: the answer
    waits for no plugin. Events come one after another, in the order in which they happened; a slow
    plugin holds up only later events. Behind 1,000 events that wait, whoever causes the next one
    waits too, so that none is lost. Errors are logged and change nothing.

    Example:
        >>> @hookimpl
        ... async def on_event(self, event):
        ...     if isinstance(event, UserRegistered):
        ...         await greet(event.user_id)
    """


@hookspec
def outbox_entries(event: object) -> Iterable[OutboxEntry] | None:
    """Before an event happens: what is to be delivered because of it, at least once. Collected.

    The entries are stored in the transaction of the change that makes the event happen: either
    both are in the database, or neither. So an event may still be refused after this call, and
    there may be a further call for it. An implementation decides by the event and its own settings
    alone, and does nothing else. A failure refuses the change, as 500.

    MongoDB has to be a replica set (one member is enough): a server with such a plugin does not
    start on a standalone MongoDB.

    Args:
        event: What is about to happen, as ``on_event`` gets it.

    Example:
        >>> @hookimpl
        ... def outbox_entries(self, event):
        ...     if isinstance(event, SessionDone):
        ...         return [OutboxEntry("gradebook", event.class_id, {"absent": event.absent})]
    """


@hookspec
def deliver(kind: str, key: str, data: Mapping[str, Any]) -> None:
    """Deliver one entry of the plugin's own ``outbox_entries``, within 120 seconds.

    Called in one process of all, for entries of this plugin alone, until a call returns. A call
    that raises is repeated after pauses that grow from a second to ten minutes. Entries of one kind
    and key are delivered one after another in their order, so the first holds up those behind it;
    entries of other keys are not held up. An entry may be delivered twice: when a process dies
    after the delivery, another repeats it. Give the receiver an identifier to recognise it by.

    Args:
        kind: Kind of the entry.
        key: Key of the entry.
        data: Data of the entry.

    Example:
        >>> @hookimpl
        ... async def deliver(self, kind, key, data):
        ...     answer = await self.client.put(f"/classes/{key}", json=data)
        ...     answer.raise_for_status()
    """
