"""The specifications of all hooks, in the order of an app's life.

quartapp calls ``register_*`` hooks once, while the app is built, ``startup`` before the first
request and ``shutdown`` after the last. Implementations take the parameters they need and leave out
the rest; all hooks except ``register_*`` may be ``async``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    import click
    from pydantic import BaseModel
    from quart import Blueprint, Quart
    from quart.wrappers import Request, Response, Websocket

    from quartapp.database.model import Model
    from quartapp.database.outbox_entry import OutboxEntry
    from quartapp.hooks.decisions import Decision, Grant
    from quartapp.hooks.static import Static
    from quartapp.identity.principal import Account, Identity, Principal
    from quartapp.identity.roles import Role
    from quartapp.realtime.events import EventType, SocketParameter

PROJECT_NAME = "quartapp"

hookspec = pluggy.HookspecMarker(PROJECT_NAME)
hookimpl = pluggy.HookimplMarker(PROJECT_NAME)


@hookspec
def register_settings() -> type[BaseModel]:
    """Return a pydantic model of the plugin's settings; called at build. Collected.

    The values come from ``[plugins.<name>]`` in quartapp.toml and from ``QUARTAPP_<NAME>_<FIELD>``
    in the environment, which overrides the file; ``core.services.get(TheModel)`` returns the
    settings. ``quartapp init`` writes each field's description and default into a new file. A field
    without a default has ``examples``, and a field with
    ``json_schema_extra={"recommended": value}`` is put in force with that value.

    Example:
        >>> @hookimpl
        ... def register_settings(self):
        ...     return LibrarySettings
    """
    raise NotImplementedError


@hookspec
def register_roles() -> Iterable[Role]:
    """Return roles, or permissions for roles of other plugins; called at build. Collected.

    The plugin that checks a permission defines its name, such as ``marks:write``. The bundled
    plugins bring ``teacher``, ``student`` and ``admin``; the documentation has a table of their
    permissions.

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
    """Return the models of the plugin's documents; called at build. Collected.

    The server makes their indexes before ``startup``. Two plugins cannot declare one collection.

    Example:
        >>> @hookimpl
        ... def register_collections(self):
        ...     return [Book]
    """
    raise NotImplementedError


@hookspec
def register_services(app: Quart) -> None:
    """Add services for routes, events, commands and other plugins; called at build.

    quartapp calls this hook in plugin order, after the settings of all plugins and before every
    other hook that gets ``app``, so the services of required plugins are available. The database is
    not open yet: a service keeps ``core(app).database``, and uses the database later.

    Args:
        app: The app; add services to ``core(app).services``.

    Example:
        >>> @hookimpl
        ... def register_services(self, app):
        ...     core(app).services.add(LibraryService(core(app).database))
    """


@hookspec
def register_blueprints(app: Quart) -> Iterable[Blueprint]:
    """Return Quart blueprints with the plugin's routes; called at build. Collected.

    Every route is an :class:`quartapp.http.operation.Operation`, which declares the access. The
    routes join the app and its OpenAPI document.

    Args:
        app: The app.

    Example:
        >>> @hookimpl
        ... def register_blueprints(self, app):
        ...     return [blueprint]
    """
    raise NotImplementedError


@hookspec
def register_static(app: Quart) -> Iterable[Static]:
    """At build: folders of files for browsers, such as stylesheets and scripts. Collected.

    Anybody may read the files; they are in no document, and ``authorize`` is not asked. Browsers
    keep a file and ask whether it has changed. They do not ask where the name holds a hash of the
    content, as in ``library.0f3a9c21.css``: change the name with the content.

    Example:
        >>> @hookimpl
        ... def register_static(self, app):
        ...     return [Static("/library/static", Path(__file__).parent / "static")]
    """
    raise NotImplementedError


@hookspec
def register_events(app: Quart) -> Iterable[EventType]:
    """Return the WebSocket events that clients may send; called at build. Collected.

    Args:
        app: The app.

    Example:
        >>> @hookimpl
        ... def register_events(self, app):
        ...     return [EventType(name="RAISE_HAND", data=Hand, handler=raise_hand)]
    """
    raise NotImplementedError


@hookspec
def register_socket_parameters(app: Quart) -> Iterable[SocketParameter]:
    """Return query parameters for the address of the socket; called at build. Collected.

    Args:
        app: The app.

    Example:
        >>> @hookimpl
        ... def register_socket_parameters(self, app):
        ...     return [SocketParameter(name="shelf", pattern="[a-z]{1,20}", greet=greet)]
    """
    raise NotImplementedError


@hookspec
def register_capabilities(app: Quart) -> Mapping[str, str | int | bool]:
    """Return what clients may know about the plugin on this server; called at build. Collected.

    ``GET /api/v1/capabilities`` tells everybody, under the name of the plugin, so that clients show
    only what there is. Names are in camelCase. Never return a secret, or anything about a person.

    Args:
        app: The app, with the services of all plugins.

    Example:
        >>> @hookimpl
        ... def register_capabilities(self, app):
        ...     return {"reservations": True, "longestLoanDays": self.settings.longest_loan_days}
    """
    raise NotImplementedError


@hookspec
def register_commands(cli: click.Group) -> Iterable[click.Command]:
    """Return commands for the command line ``quartapp``. Collected.

    quartapp calls this hook for the help, and for a command that is not its own. So import slow
    modules inside the command. A taken name is refused. If a command raises a
    :class:`quartapp.errors.QuartappError`, its message is shown, and the exit status is 2.

    Args:
        cli: The command line, with quartapp's own commands.

    Example:
        >>> @hookimpl
        ... def register_commands(self, cli):
        ...     return [import_people]
    """
    raise NotImplementedError


@hookspec
def verify_credentials(email: str, password: str) -> Identity | None:
    """Return the person whom another system verifies by these credentials. First answer.

    quartapp calls this hook at login, before it checks the local password. None passes the
    credentials on, and finally the local password decides. A
    :class:`~quartapp.identity.principal.CredentialsRefusedError` refuses, even if the local
    password is correct. A :class:`~quartapp.identity.principal.SignInUnavailableError` means that
    the other system is out of reach, and answers 503. A person who is verified for the first time
    gets an account without a local password; each sign-in updates the account.

    Args:
        email: The address that the person typed, or that of the account whose username they typed.
            For an account without an address, no plugin is asked.
        password: The password that the person typed, in clear text.

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
    """Return the present identity of a person who uses a token or a socket. First answer.

    Each process calls this hook every ``refresh_minutes`` of the auth plugin for each person who
    sends requests or has an open socket. The identity updates the account; a change of role ends
    the person's tokens and closes the person's sockets in every process, and so does a
    :class:`~quartapp.identity.principal.CredentialsRefusedError`. None passes the person on to
    the next plugin. A failure, or a
    :class:`~quartapp.identity.principal.SignInUnavailableError`, changes nothing, and quartapp
    calls the hook again a minute later.

    Args:
        principal: The person, as the credentials name the person.

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
    """Return the principal of a request or socket without a token of this server. First answer.

    None passes the connection on to the next plugin. A
    :class:`~quartapp.identity.principal.CredentialsRefusedError` refuses recognised credentials: it
    answers 401 or closes the socket. A
    :class:`~quartapp.identity.principal.SignInUnavailableError` answers 503, or
    ``Service Unavailable`` on the socket.

    Args:
        connection: The request or the handshake.

    Example:
        >>> @hookimpl
        ... async def authenticate(self, connection):
        ...     return self.principals.get(connection.headers.get("X-Api-Key"))
    """


@hookspec
def token_claims(user: Account) -> dict[str, object] | None:
    """Return claims to add to a token that is about to be issued. Collected.

    The claims ``id``, ``role``, ``iat``, ``exp``, ``ver``, ``jti`` and ``iss`` are reserved for the
    server.

    Args:
        user: The account that the token is for.

    Example:
        >>> @hookimpl
        ... def token_claims(self, user):
        ...     return {"tenant": "north"}
    """


@hookspec
def grant(principal: Principal, permission: str, resource: Mapping[str, object]) -> Grant | None:
    """Allow an action that role or ownership does not allow. First answer.

    A ``Grant`` allows the action, and None leaves the decision to the next plugin. A ``Deny`` of
    ``authorize`` still refuses. The server remembers answers about a class until its roll or its
    teachers change. A failure refuses with 500.

    Args:
        principal: The caller.
        permission: Name of the permission, such as ``marks:write``.
        resource: Ids of the resource by their names, such as ``{"class_id": "..."}``; for a route,
            its path parameters, ``body`` and ``query``.

    Example:
        >>> @hookimpl
        ... def grant(self, principal, permission, resource):
        ...     if (principal.id, resource.get("class_id")) in self.assigned:
        ...         return Grant()
    """


@hookspec
def authorize(
    principal: Principal | None, action: str, resource: Mapping[str, object]
) -> Decision | None:
    """Decide about an action after the checks of token, role and input. Decided.

    Any ``Deny`` refuses. ``Allow()`` overrules no other plugin's ``Deny``, and None is no opinion.
    A failure refuses with 500.

    Args:
        principal: The caller; None on public routes, such as registration and sign-in.
        action: The operationId of a route, or the name of an event. A route of a dialect has the
            action of the corresponding base route.
        resource: Path parameters of a route, and ``body``, ``form`` and ``query`` as models (such
            as ``resource["body"].email``), or the data of an event as the client sent them. The
            form of a page with the action of a route is under ``body`` as well.

    Example:
        >>> @hookimpl
        ... def authorize(self, principal, action, resource):
        ...     if action == "deleteClass" and not in_office_hours():
        ...         return Deny("Come back in office hours")
    """


@hookspec
def error_page(status: int, message: str) -> Response | None:
    """Return the page that tells of a refusal among pages. First answer.

    quartapp calls this hook where it would show a page of its own: in an operation with
    ``page=True``, and for an unknown path beside such operations. ``quart.request`` is the request.
    An implementation answers for the paths of its own plugin, and returns None for all others. It
    returns a response with the status ``status``, or a redirect, such as to a page that signs the
    visitor in. Headers of the refusal, such as ``Retry-After``, are added to it. A failure is
    logged, and the visitor gets quartapp's own page.

    Args:
        status: HTTP status code of the refusal.
        message: Message of the refusal, as the API would answer it.

    Example:
        >>> @hookimpl
        ... def error_page(self, status, message):
        ...     if request.path.startswith("/library/"):
        ...         return Response(f"<h1>{escape(message)}</h1>", status, mimetype="text/html")
    """


@hookspec
def personal_data(user_id: str) -> Mapping[str, object] | None:
    """Return everything that the plugin keeps of a person, for that person. Collected.

    ``GET /api/v1/me/export`` answers it under the name of the plugin. Leave out secrets such as
    hashes of passwords, what other people wrote for themselves, and what is gone within a day. A
    failure is answered with status 500 or 503: no export is silently incomplete.

    Args:
        user_id: Id of the person.

    Returns:
        Names, and values of JSON, where ids and times may be ``ObjectId`` and ``datetime``; None
        when nothing is kept.

    Example:
        >>> @hookimpl
        ... async def personal_data(self, user_id):
        ...     loans = self.loans.find({"readerId": ObjectId(user_id)}, {"_id": 0})
        ...     return {"loans": await loans.to_list()}
    """


@hookspec
def erase_person(user_id: str, dry_run: bool) -> Mapping[str, int] | None:
    """Erase what tells who a person is, and what was written about the person. Collected.

    The id of the person stays, as a pseudonym: what is counted still counts. The plugin that keeps
    accounts comes first, and gives the account a name that says nothing. A failure is answered with
    status 500 or 503, and the request can be repeated: an implementation has to be safe to repeat.

    Args:
        user_id: Id of the person.
        dry_run: Whether to change nothing, and only to count.

    Returns:
        Names of what is erased, each with the number; None when there is nothing.

    Example:
        >>> @hookimpl
        ... async def erase_person(self, user_id, dry_run):
        ...     of_reader = {"readerId": ObjectId(user_id)}
        ...     number = await self.wishes.count_documents(of_reader)
        ...     if not dry_run:
        ...         await self.wishes.delete_many(of_reader)
        ...     return {"wishes": number}
    """


@hookspec
def startup(app: Quart) -> None:
    """Start the plugin before the first request. Notified.

    quartapp calls this hook in plugin order, with the database connected. An error stops the
    server. Background tasks begin here.

    Args:
        app: The app.

    Example:
        >>> @hookimpl
        ... async def startup(self, app):
        ...     self.client = await connect()
    """


@hookspec
def shutdown(app: Quart) -> None:
    """Stop the plugin after the last request. Notified.

    quartapp calls this hook in reverse plugin order. An error is logged, and the other plugins are
    stopped all the same.

    Args:
        app: The app.

    Example:
        >>> @hookimpl
        ... async def shutdown(self, app):
        ...     await self.client.close()
    """


@hookspec
def on_event(event: object) -> None:
    """Handle an event that the database has stored. Notified.

    The process that causes an event calls this hook once, and answers its client without waiting
    for plugins. Events come one after another, in the order in which they happened, so a slow
    plugin delays only later events. When 1,000 events wait, the cause of the next event waits too,
    so that no event is lost. Errors are logged and change nothing.

    Some events are frequent. A plugin whose class has the attribute ``hears``, a tuple of types, is
    called for events of these types alone, and the others cost nothing.

    Args:
        event: The event, a frozen dataclass.

    Example:
        >>> @hookimpl
        ... async def on_event(self, event):
        ...     if isinstance(event, UserRegistered):
        ...         await greet(event.user_id)
    """


@hookspec
def on_events(events: list[object]) -> None:
    """Handle events that the database has stored together, such as those of an import. Notified.

    One call has all events of one step, in order; some steps have thousands. A plugin without this
    hook gets each of them by ``on_event``. A plugin without ``on_event`` gets every event here,
    also the one that happens alone. A plugin with both gets an event here or there, and never
    twice. In all else this hook is like ``on_event``.

    Args:
        events: The events, frozen dataclasses.

    Example:
        >>> @hookimpl
        ... async def on_events(self, events):
        ...     new = [e.user_id for e in events if isinstance(e, UserRegistered)]
        ...     await order_cards(new)
    """


@hookspec
def outbox_entries(event: object) -> Iterable[OutboxEntry] | None:
    """Return the entries to deliver, at least once, for an event to come. Collected.

    The server stores the entries in the transaction of the change that causes the event: the
    database has both, or neither. So an event may still be refused after this call, and there may
    be a further call for the event. An implementation decides by the event and its own settings
    alone, and does nothing else. A failure refuses the change with 500.

    MongoDB has to be a replica set (one member is enough): a server with such a plugin does not
    start on a standalone MongoDB.

    Args:
        event: The event, in the form that ``on_event`` gets.

    Example:
        >>> @hookimpl
        ... def outbox_entries(self, event):
        ...     if isinstance(event, SessionDone):
        ...         return [OutboxEntry("gradebook", event.class_id, {"absent": event.absent})]
    """


@hookspec
def deliver(
    kind: str,
    key: str | None,
    data: Mapping[str, Any],
    attempts: int,
    at: datetime,
    seq: int | None,
) -> None:
    """Deliver one entry of the plugin's own ``outbox_entries``, within 120 seconds.

    One process of all servers calls this hook, for entries of this plugin alone, until a call
    returns. A call that raises is repeated after pauses that grow from a second to ten minutes.
    A call that raises NotDeliveredError chooses the pause, or gives the entry up. Entries of one
    kind and key are delivered one after another in their order, so an entry delays later entries of
    its key, and no others. An entry without a key delays no others. An entry may be delivered
    twice: if a process dies after the delivery, another process repeats it. Send an identifier, so
    that the receiver can ignore the second delivery.

    Args:
        kind: Kind of the entry.
        key: Key of the entry, or None.
        data: Data of the entry.
        attempts: Number of calls for this entry that have failed.
        at: Time at which the change was stored, in UTC.
        seq: Number of the change among the changes of one thing, by which they are in order; None
            for a change without a number.

    Example:
        >>> @hookimpl
        ... async def deliver(self, kind, key, data):
        ...     answer = await self.client.put(f"/classes/{key}", json=data)
        ...     answer.raise_for_status()
    """
