"""Migrations: changes of data that an earlier version of a plugin has stored.

The collection ``versions`` stores the version of each plugin's data; data without a stored version
has version 1. One process migrates at a time, and repeats an interrupted step.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from quartapp.database.named_lease import COLLECTION as LEASES
from quartapp.database.named_lease import LeaseLostError, NamedLease
from quartapp.errors import DatabaseUnavailableError, PluginError, QuartappError
from quartapp.kinds import ASYNC, NUMBER, TEXT, WHOLE, check_all

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from quartapp.clock import Clock
    from quartapp.database.database import Database
    from quartapp.plugin import LoadedPlugin

log = structlog.get_logger("quartapp.migrations")

COLLECTION = "versions"
FIRST_VERSION = 1
WAIT_SECONDS = 0.5
CORE = "quartapp"


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of a plugin's data, from the version before to ``version``.

    Attributes:
        version: Version of the data after the step: 2 for a plugin's first migration, and one more
            for each further migration.
        why: Description of the change, for the log and for ``quartapp migrate --dry-run``.
        function: Function of the app's database, which writes with ``database.documents``. After a
            process was killed, the next process calls the function again from the beginning, so the
            function has to be safe to repeat. It is called on a new, empty database too.
        seconds: Time limit of the function, in seconds.
    """

    version: int
    why: str
    function: Callable[[Database], Awaitable[object]]
    seconds: float = 3600.0

    def __post_init__(self) -> None:
        """Refuse attributes of other types.

        Raises:
            TypeError: An attribute has another type.
        """
        check_all(self, version=WHOLE, why=TEXT, function=ASYNC, seconds=NUMBER)


CORE_MIGRATIONS: tuple[Migration, ...] = ()


class MigrationError(QuartappError):
    """The error for data that cannot be migrated to the version of the code."""


class Migrations:
    """The migrations of one app.

    Args:
        database: Database to migrate.
        plugins: The plugins, in order; their objects have the attribute ``migrations``.
        clock: Clock for the time limits of steps, and for the lease.

    Raises:
        PluginError: The ``migrations`` of a plugin are no list of steps 2, 3, 4 and so on.
    """

    def __init__(self, database: Database, plugins: Sequence[LoadedPlugin], clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._lease = NamedLease(database, clock, "migrations")
        self._steps = {CORE: CORE_MIGRATIONS}
        for plugin in plugins:
            self._steps[plugin.name] = _checked(plugin)

    async def run(self) -> None:
        """Migrate all data to the newest version, or wait while another process does so.

        Raises:
            MigrationError: The data is newer than the code, or a step failed.
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        while await self.pending():
            if await self._lease.take() is None:
                await self._clock.sleep(WAIT_SECONDS)
                continue
            try:
                await self._lease.kept_during(self._run_all())
            except LeaseLostError:
                log.warning("migration ended here, its lease is lost; it is looked at again")
            finally:
                await self._lease.give_back()

    async def pending(self) -> list[tuple[str, Migration]]:
        """Return the steps that are still missing, each with its plugin's name.

        Raises:
            MigrationError: The data is newer than the code.
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        async with self._database.operation():
            found = await self._database.documents[COLLECTION].find().to_list()
        stored = {document["_id"]: document["version"] for document in found}
        missing = []
        for name, steps in self._steps.items():
            version = stored.get(name, FIRST_VERSION)
            newest = steps[-1].version if steps else FIRST_VERSION
            if version > newest:
                raise MigrationError(
                    f"the data of {name} in {self._database.address} has version {version}, and "
                    f"the installed {name} knows versions up to {newest}: install the newer one, "
                    "or restore a backup"
                )
            missing += [(name, step) for step in steps if step.version > version]
        return missing

    async def _run_all(self) -> None:
        # In a new database there is nothing to change, and nothing to tell.
        async with self._database.operation():
            new = set(await self._database.documents.list_collection_names()) <= {
                COLLECTION,
                LEASES,
            }
        for name, step in await self.pending():
            if not new:
                log.info("migrating", plugin=name, version=step.version, why=step.why)
            await self._run_one(name, step)
            async with self._database.operation():
                await self._database.documents[COLLECTION].update_one(
                    {"_id": name}, {"$max": {"version": step.version}}, upsert=True
                )

    async def _run_one(self, name: str, step: Migration) -> None:
        limit = self._clock.timeout(step.seconds)
        try:
            async with limit:
                await step.function(self._database)
        except DatabaseUnavailableError:
            raise
        except Exception as error:
            said = f"{type(error).__name__}: {error}"
            if limit.expired() and isinstance(error, TimeoutError):
                said = f"took longer than {step.seconds:g} s"
            raise MigrationError(
                f"the data of {name} cannot be brought to version {step.version} "
                f"({step.why}): {said}"
            ) from error


def _checked(plugin: LoadedPlugin) -> tuple[Migration, ...]:
    steps = getattr(plugin.implementation, "migrations", ())
    if not isinstance(steps, list | tuple):
        raise PluginError(
            f"plugin {plugin}: `migrations` has to be a list of Migration, and is {steps!r}"
        )
    for number, step in enumerate(steps, FIRST_VERSION + 1):
        if not isinstance(step, Migration) or step.version != number:
            raise PluginError(
                f"plugin {plugin}: `migrations` must be a list of Migration with the versions 2, "
                f"3, 4 and so on; number {number - FIRST_VERSION} is {step!r}"
            )
    return tuple(steps)
