"""The endpoints that are switched off, because they answered 410 Gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from mongoengine import DateTimeField, StringField
from prometheus_client import Gauge

from quartapp import Model

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from prometheus_client import CollectorRegistry

    from quartapp import Clock, Database
    from quartapp_webhooks.settings import Endpoint

log = structlog.get_logger("quartapp.webhooks")

COLLECTION = "webhooks_off"
# Time after which other processes have noticed that an endpoint was switched off or on.
REFRESH_SECONDS = 30.0


class SwitchedOffEndpoint(Model):
    """An endpoint that is switched off. The id is the key of the endpoint."""

    id = StringField(primary_key=True)
    since = DateTimeField(required=True)

    meta = {"collection": COLLECTION}  # noqa: RUF012 - a declaration of MongoEngine


class SwitchedOff:
    """The keys of the endpoints that are switched off, as far as this process knows.

    Args:
        endpoints: The configured endpoints.
        database: Database that all processes share.
        clock: Clock that dates the switching.
        registry: Registry of the metric.
    """

    def __init__(
        self,
        endpoints: Iterable[Endpoint],
        database: Database,
        clock: Clock,
        registry: CollectorRegistry,
    ) -> None:
        self._keys: set[str] = set()
        self._endpoints = {endpoint.key: endpoint for endpoint in endpoints}
        self._database = database
        self._clock = clock
        self._gauge = Gauge(
            "quartapp_webhooks_switched_off",
            "Whether an endpoint is switched off because it answered 410 Gone, by its kind.",
            ("kind",),
            multiprocess_mode="livemax",
            registry=registry,
        )
        self._show()

    def __contains__(self, key: str) -> bool:
        return key in self._keys

    async def add(self, endpoint: Endpoint) -> None:
        """Switch an endpoint off, for all processes and further starts.

        Args:
            endpoint: The endpoint.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        if endpoint.key in self._keys:
            return
        self._keys.add(endpoint.key)
        self._show()
        log.error(
            "endpoint switched off, as it answered 410; quartapp webhooks --switch-on undoes this",
            endpoint=endpoint.shown_url,
            kind=endpoint.key,
        )
        async with self._database.operation():
            await self._database.documents[COLLECTION].update_one(
                {"_id": endpoint.key}, {"$setOnInsert": {"since": self._clock.now()}}, upsert=True
            )

    async def refresh(self) -> None:
        """Take over what other processes and commands have switched.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        self._keys = set(await self.since())
        self._show()

    async def since(self) -> dict[str, datetime]:
        """Return when configured endpoints were switched off, by key.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        wanted = {"_id": {"$in": list(self._endpoints)}}
        async with self._database.operation():
            found = await self._database.documents[COLLECTION].find(wanted).to_list()
        return {document["_id"]: document["since"] for document in found}

    async def clear(self) -> int:
        """Switch all configured endpoints on; return how many were off.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        wanted = {"_id": {"$in": list(self._endpoints)}}
        async with self._database.operation():
            done = await self._database.documents[COLLECTION].delete_many(wanted)
        await self.refresh()
        return done.deleted_count

    def _show(self) -> None:
        for key in self._endpoints:
            self._gauge.labels(key).set(key in self._keys)
