"""``create_app``: the construction of an app from its parts."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

import structlog
from pydantic import SecretStr
from quart import Quart

from quartapp.audit.audit import Audit
from quartapp.audit.backups import BACKED_UP, RESTORED
from quartapp.audit.keeper import DAYS_DELETED, Keeper
from quartapp.audit.models import AuditDocument, PendingAuditDocument
from quartapp.audit.start import SETTING, STARTED, at_start
from quartapp.clock import Clock, SharedClock
from quartapp.contract import register_documents, register_routes
from quartapp.database.database import Database
from quartapp.database.lease import Lease
from quartapp.database.migrations import Migrations
from quartapp.database.outbox import Outbox
from quartapp.database.outbox_entry import StoredEntry
from quartapp.database.shared_time import SharedTime
from quartapp.database.tasks import Tasks
from quartapp.embedded.watch import watch_of
from quartapp.errors import QuartappError
from quartapp.hooks.discovery import complete, discover, loaded
from quartapp.hooks.plugins import Plugins
from quartapp.http.body_limits import note_body_limits
from quartapp.http.browsers.cors import register_cors
from quartapp.http.browsers.pages import note_pages
from quartapp.http.browsers.static import static_routes
from quartapp.http.clashes import refuse_clashes
from quartapp.http.connection import RequestConnection
from quartapp.http.declaration import MAX_BODY_BYTES
from quartapp.http.handlers import register_error_handlers
from quartapp.http.idempotency import KeptAnswer
from quartapp.http.routes import LazyRule
from quartapp.identity.authenticator import Authenticator
from quartapp.identity.cookies import Cookies
from quartapp.identity.grants import Grants
from quartapp.identity.roles import Roles
from quartapp.identity.signed import Signed
from quartapp.identity.standing import Standing
from quartapp.identity.tokens import Tokens
from quartapp.parts import EXTENSION, Core, Services
from quartapp.realtime.handling import Watchdog
from quartapp.realtime.hub import Hub
from quartapp.realtime.registry import EventRegistry
from quartapp.realtime.tickets import StoredTicket, Tickets
from quartapp.service.auth_event import renewal
from quartapp.service.capabilities import Capabilities, capabilities_blueprint
from quartapp.service.export import export_blueprint
from quartapp.service.probe import EXTENSION as PROBE
from quartapp.service.probe import Probe
from quartapp.service.routes import blueprint as service_routes
from quartapp.service.routes import docs_blueprint as docs_routes
from quartapp.service.routes import metrics_blueprint as metrics_routes
from quartapp.service.socket import register_socket
from quartapp.settings.core import Settings, load_settings
from quartapp.settings.shown import SettingsInForce
from quartapp.telemetry.logs import hide_variables
from quartapp.telemetry.metrics import Metrics
from quartapp.telemetry.traces import Traces

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pydantic import BaseModel

    from quartapp.audit.action import AuditEntry
    from quartapp.plugin import LoadedPlugin

log = structlog.get_logger("quartapp.app")

# RFC 2606 reserves this domain, so no server can have the address.
NOWHERE = "mongodb://nowhere.invalid"

OF_THE_CORE = (STARTED, SETTING, DAYS_DELETED, BACKED_UP, RESTORED)


class Application(Quart):
    """A Quart app that logs no traceback for a mistake of the operator."""

    def log_exception(self, exception_info: Any) -> None:  # noqa: ANN401 - sys.exc_info()
        """Log an exception that ended start-up or shut-down."""
        error = exception_info[1]
        if not isinstance(error, QuartappError):
            log.error("start-up or shut-down failed", exc_info=exception_info)


def create_app(
    settings: Settings | None = None,
    plugins: Iterable[object] | None = None,
    *,
    clock: Clock | None = None,
) -> Quart:
    """Create a quartapp application for an ASGI server.

    Args:
        settings: Settings of the app; None reads the environment and the settings files.
        plugins: Objects or classes with hook implementations, in their order; None loads the
            installed plugins that the settings choose. A bundled plugin that another one stands for
            (``provides``) is left out of both.
        clock: Clock of the app; None for the time of the database, which all servers of an
            installation share. The attribute ``clock`` of a plugin replaces this one; tests of a
            server in another process use such a plugin.

    Returns:
        The app, which connects to the database when a server starts it.

    Raises:
        QuartappError: The settings or plugins have a mistake; the message is one sentence.
    """
    hide_variables()
    settings = settings or load_settings()
    core = _core(settings, plugins, clock)
    app = Application("quartapp", static_folder=None)
    app.asgi_http_class = RequestConnection
    app.url_rule_class = LazyRule
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    # A redirect to the path with one slash would be an answer outside the contract.
    app.url_map.merge_slashes = False
    app.extensions[EXTENSION] = core
    register_error_handlers(app)
    register_cors(app, settings.cors_origins)
    register_socket(app)
    brought = core.plugins.contributions
    told: dict[str, BaseModel] = {"": settings}
    for owner, plugin_settings in brought.settings():
        core.services.add(plugin_settings)
        told[owner.name] = plugin_settings
    core.services.add(SettingsInForce(told))
    for owner, role in brought.roles():
        core.roles.add(role, str(owner))
    core.database.models = [
        *(KeptAnswer, StoredTicket, AuditDocument, PendingAuditDocument),
        *brought.collections(),
    ]
    if core.plugins.delivering:
        core.database.models.append(StoredEntry)
    core.plugins.changes.connect(core.database, core.outbox, core.audit)
    core.database.before_indexes = core.migrations.run
    brought.services(app)
    core.authenticate.standing = core.services.find(Standing)  # type: ignore[type-abstract] # mypy takes a protocol for a class that cannot be used
    app.extensions[PROBE] = Probe(core.database.check_writable, core.clock)
    core.services.add(
        Capabilities(
            tuple(plugin.name for plugin in core.plugins.loaded), brought.capabilities(app)
        )
    )
    register_routes(app, service_routes)
    register_routes(app, capabilities_blueprint)
    register_routes(app, export_blueprint)
    if settings.metrics:
        register_routes(app, metrics_routes)
    if settings.docs:
        register_routes(app, docs_routes)
    for owner, blueprint in brought.blueprints(app):
        register_routes(app, blueprint, owner)
    for number, (owner, static) in enumerate(brought.static(app)):
        register_routes(app, static_routes(owner, number, static), owner)
    refuse_clashes(app)
    note_body_limits(app)
    note_pages(app)
    core.events.add(renewal(), "quartapp itself")
    for owner, event in brought.events(app):
        core.events.add(event, str(owner))
    for owner, parameter in brought.socket_parameters(app):
        core.events.add_parameter(parameter, str(owner))
    register_documents(app)
    _register_lifespan(app, core, at_start(told))
    return app


def unconnected_app(settings: Settings, plugins: Iterable[object] | None = None) -> Quart:
    """Create an app for inspection, which is never served and needs no database or secret.

    Args:
        settings: Settings as they were read; a missing database or secret gets a made-up value.
        plugins: Plugins, as for :func:`create_app`.

    Raises:
        QuartappError: The settings or plugins have a mistake; the message is one sentence.
    """
    made_up = {
        "mongodb_uri": settings.mongodb_uri or SecretStr(NOWHERE),
        "jwt_secret": settings.jwt_secret or SecretStr(secrets.token_hex(32)),
    }
    return create_app(settings.model_copy(update=made_up), plugins)


def _core(settings: Settings, plugins: Iterable[object] | None, clock: Clock | None) -> Core:
    if settings.mongodb_uri is None:
        raise QuartappError(
            "no MongoDB: set MONGODB_URI, or start with `quartapp serve`, which brings its own"
        )
    if settings.jwt_secret is None:
        raise QuartappError(
            "JWT_SECRET is not set: everybody's tokens hang on it; "
            "make one with: openssl rand -hex 32"
        )
    if plugins is None:
        chosen = discover(settings.plugins, settings.extra_plugins)
    else:
        chosen = complete(map(loaded, plugins))
    clock = _brought_clock(chosen) or clock or SharedClock()
    metrics = Metrics()
    manager = Plugins(
        chosen, settings.hook_timeout, clock, metrics, strict=settings.strict_messages
    )
    uri = settings.mongodb_uri.get_secret_value()
    old = settings.jwt_secret_old
    tokens = Tokens(
        settings.jwt_secret.get_secret_value(),
        settings.token_hours * 3600,
        clock,
        old_secret=None if old is None else old.get_secret_value(),
    )
    database = Database(
        uri,
        settings.database,
        settings.database_timeout,
        clock,
    )
    return Core(
        settings=settings,
        clock=clock,
        shared_time=SharedTime(database, clock, metrics.registry),
        plugins=manager,
        tokens=tokens,
        signed=Signed(tokens, clock),
        cookies=Cookies(settings.token_hours * 3600),
        tickets=Tickets(database, clock),
        authenticate=Authenticator(tokens, manager.authenticate),
        roles=Roles(),
        grants=Grants(manager.grant if manager.grants_something else None),
        database=database,
        outbox=Outbox(
            database,
            clock,
            metrics.registry,
            manager.deliver,
            manager.delivering,
            lambda: manager.dispatcher.building,
        ),
        audit=Audit(database, clock, [*OF_THE_CORE, *manager.audited]),
        migrations=Migrations(database, manager.loaded, clock),
        tasks=Tasks(database, clock, metrics.registry, lambda: manager.dispatcher.building),
        hub=Hub(settings.max_sockets, settings.max_sockets_per_user, metrics, clock),
        watchdog=Watchdog(clock, settings.hook_timeout),
        events=EventRegistry(),
        metrics=metrics,
        traces=Traces(clock),
        services=Services(),
        mongod=watch_of(uri, settings.data_dir),
    )


def _brought_clock(plugins: Iterable[LoadedPlugin]) -> Clock | None:
    """Return the clock that a plugin brings; a test gives a process its clock this way."""
    brought = (getattr(plugin.implementation, "clock", None) for plugin in plugins)
    return next((clock for clock in brought if isinstance(clock, Clock)), None)


def _register_lifespan(app: Quart, core: Core, at_start: Sequence[AuditEntry]) -> None:
    lease = Lease(core.database, core.clock)
    keeper = Keeper(core.audit, core.database, core.clock, core.settings.audit_days)

    async def connect() -> None:
        await core.database.open()
        core.mongod.start()
        await core.shared_time.start()
        if not core.database.change_streams:
            if core.settings.workers > 1:
                raise QuartappError(
                    f"the MongoDB at {core.database.address} is a standalone server, whose "
                    "processes cannot learn of each other's changes: "
                    f"{core.settings.workers} workers need a replica set (one member is enough)"
                )
            if core.plugins.delivering:
                raise QuartappError(
                    f"the plugins {', '.join(core.plugins.delivering)} deliver from an "
                    "outbox, which needs transactions, and the MongoDB at "
                    f"{core.database.address} is a standalone server: make it a "
                    "replica set (one member is enough)"
                )
            log.warning("standalone MongoDB: one process only; a replica set serves several")
            await lease.take()

    @app.before_serving
    async def start() -> None:
        try:
            core.traces.open()
            await connect()
            core.audit.serving = True
            await core.audit.add(*at_start)
            await core.plugins.startup(app)
            core.tasks.start()
            core.outbox.start()
            keeper.start()
        except BaseException:
            # Quart calls no after_serving function when a before_serving function has failed.
            await stop()
            raise

    stopped = False

    @app.after_serving
    async def stop() -> None:
        nonlocal stopped
        if stopped:
            return
        stopped = True
        await core.outbox.stop()
        await core.tasks.stop()
        await core.plugins.shutdown(app)
        await keeper.stop()
        await core.audit.close()
        await lease.release()
        await core.shared_time.stop()
        await app.extensions[PROBE].close()
        await core.mongod.stop()
        await core.database.close()
        await core.traces.close()
