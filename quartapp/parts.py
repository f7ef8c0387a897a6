"""The parts of an app: ``core()`` finds them inside a request, ``core(app)`` elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar, cast

from quart import current_app

from quartapp.errors import QuartappError

if TYPE_CHECKING:
    from datetime import date, datetime

    from quart import Quart

    from quartapp.audit.audit import Audit
    from quartapp.clock import Clock
    from quartapp.database.database import Database
    from quartapp.database.migrations import Migrations
    from quartapp.database.outbox import Outbox
    from quartapp.database.shared_time import SharedTime
    from quartapp.database.tasks import Tasks
    from quartapp.embedded.watch import Watch
    from quartapp.hooks.plugins import Plugins
    from quartapp.identity.authenticator import Authenticator
    from quartapp.identity.cookies import Cookies
    from quartapp.identity.grants import Grants
    from quartapp.identity.roles import Roles
    from quartapp.identity.signed import Signed
    from quartapp.identity.tokens import Tokens
    from quartapp.realtime.handling import Watchdog
    from quartapp.realtime.hub import Hub
    from quartapp.realtime.registry import EventRegistry
    from quartapp.realtime.tickets import Tickets
    from quartapp.settings.core import Settings
    from quartapp.telemetry.metrics import Metrics
    from quartapp.telemetry.traces import Traces

EXTENSION = "quartapp"

Service = TypeVar("Service")


class Services:
    """Objects that plugins offer to one another, one for each type."""

    def __init__(self) -> None:
        self._by_type: dict[type, object] = {}

    def add(self, service: object, *, as_: type | None = None) -> None:
        """Offer ``service``.

        Args:
            service: The object.
            as_: Type under which :meth:`get` finds the object, such as a protocol; None stands for
                the object's own type.

        Raises:
            QuartappError: Another service has this type.
        """
        kind = as_ or type(service)
        if kind in self._by_type:
            raise QuartappError(f"two plugins offer the service {_named(kind)}")
        self._by_type[kind] = service

    def get(self, kind: type[Service]) -> Service:
        """Return the service of type ``kind``.

        Raises:
            QuartappError: No plugin has added such a service yet.
        """
        try:
            return cast("Service", self._by_type[kind])
        except KeyError:
            raise QuartappError(
                f"there is no service {_named(kind)}: add it in register_services; if another "
                "plugin adds it, name that plugin in `requires`, so that it is built before"
            ) from None

    def find(self, kind: type[Service]) -> Service | None:
        """Return the service of type ``kind``, or None where no plugin offers one."""
        return cast("Service | None", self._by_type.get(kind))


def _named(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


@dataclass(frozen=True, slots=True)
class Core:
    """The parts of one app.

    Attributes:
        mongod: The watch over the embedded mongod; over nothing with another database.
    """

    settings: Settings
    clock: Clock
    shared_time: SharedTime
    plugins: Plugins
    tokens: Tokens
    signed: Signed
    cookies: Cookies
    tickets: Tickets
    authenticate: Authenticator
    roles: Roles
    grants: Grants
    database: Database
    outbox: Outbox
    audit: Audit
    migrations: Migrations
    tasks: Tasks
    hub: Hub
    watchdog: Watchdog
    events: EventRegistry
    metrics: Metrics
    traces: Traces
    services: Services
    mongod: Watch

    def local_day(self, moment: datetime | None = None) -> date:
        """Return the date of a moment in the time zone of the settings, or else of the machine.

        Days begin at local midnight, and have 23 to 25 hours where the clocks are put forward or
        back. Compare such dates, and never add hours to learn the next day.

        Args:
            moment: The moment, with a time zone; None for the present by the app's clock.

        Raises:
            ValueError: The moment has no time zone.
        """
        moment = moment or self.clock.now()
        if moment.tzinfo is None:
            raise ValueError("a moment without a time zone has no day")
        return moment.astimezone(self.settings.timezone).date()


def core(app: Quart | None = None) -> Core:
    """Return the parts of an app.

    Args:
        app: The app; None stands for the app that handles the current request.
    """
    extensions = (app or current_app).extensions
    return cast("Core", extensions[EXTENSION])
