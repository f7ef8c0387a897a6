"""An import from end to end: read the set, compare it with the database, and write."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from quartapp_oneroster import plan, snapshot
from quartapp_oneroster.apply import OutdatedError, write
from quartapp_oneroster.audited import BEGUN, FINISHED, amounts
from quartapp_oneroster.errors import RosterError
from quartapp_oneroster.package import opened_package
from quartapp_oneroster.report import count_rejected, outcome
from quartapp_oneroster.runs import Run
from quartapp_oneroster.staging import stage

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from quartapp import Core, Database
    from quartapp_oneroster.plan import Totals
    from quartapp_oneroster.progress import Progress
    from quartapp_oneroster.store import Store

# Each attempt after the first means that somebody else changed the same data at the same time.
MAX_ATTEMPTS = 5
# A complete set that empties more than half of the rolls is probably cut off.
SUSPICIOUS_SHARE = 0.5
SUSPICIOUS_FROM = 5


@dataclass(frozen=True, slots=True)
class Set:
    """A set that has been read into a store.

    Attributes:
        name: Path of the set, as given.
        version: ``1.1`` or ``1.2``.
        modes: ``bulk``, ``delta`` or ``absent`` for each file.
        fingerprint: SHA-256 of the content, in hex digits.
        delta: Whether a file of the set has changes only.
    """

    name: str
    version: str
    modes: dict[str, str]
    fingerprint: str
    delta: bool


def read(path: Path, store: Store, today: str, progress: Progress) -> Set:
    """Read a set into the store; write nothing to the database.

    Args:
        path: Folder or zip file of the set.
        store: Store that receives the rows.
        today: ISO date on which roles have to be in force.
        progress: Display of the progress.

    Raises:
        RosterError: The set cannot be read.
    """
    with opened_package(path) as package:
        stage(package, store, today, progress)
        return Set(
            package.name, package.version, package.modes, package.fingerprint(), package.delta
        )


async def compare(
    database: Database,
    roster: Set,
    store: Store,
    today: str,
    progress: Progress,
    *,
    take_over: bool = False,
) -> Totals:
    """Compare the set with the database, and return how much would change.

    Args:
        database: The database, open.
        roster: The set.
        store: Store with the rows of the set.
        today: ISO date for which rolls are made.
        progress: Display of the progress.
        take_over: Whether people get the accounts that somebody has registered with their address.

    Raises:
        DatabaseUnavailableError: MongoDB did not answer in time.
    """
    await snapshot.take(database, store, progress)
    with progress.phase("Comparing", 1):
        return await asyncio.to_thread(plan.make, roster.modes, store, today, take_over=take_over)


async def bring_in(
    parts: Core,
    roster: Set,
    store: Store,
    today: str,
    progress: Progress,
    *,
    agree: Callable[[Totals], None],
    take_over: bool = False,
) -> Totals:
    """Change the database to what the set says.

    Args:
        parts: Parts of the app, with the open database.
        roster: The set.
        store: Store with the rows of the set.
        today: ISO date for which rolls are made.
        progress: Display of the progress.
        agree: Called with the totals before anything is written; raises to prevent the writing.
        take_over: Whether people get the accounts that somebody has registered with their address.

    Returns:
        The totals of the first plan.

    Raises:
        RosterError: Another import is running, or the database keeps changing.
        DatabaseUnavailableError: MongoDB did not answer in time. The import can be run again.
    """
    about = {
        "fingerprint": roster.fingerprint,
        "name": roster.name,
        "version": roster.version,
        "modes": roster.modes,
    }
    first: Totals | None = None
    database = parts.database
    async with Run(database, about, delta=roster.delta) as run:
        for _ in range(MAX_ATTEMPTS):
            totals = await compare(database, roster, store, today, progress, take_over=take_over)
            if first is None:
                agree(totals)
                first = totals
                await parts.audit.add(BEGUN.entry(after=amounts(totals)))
            try:
                await write(parts, store, run, progress)
            except OutdatedError:
                continue
            rejected = count_rejected(store)
            await run.finish({"rejected": rejected})
            counts = {**amounts(first), "rejected": rejected}
            await parts.audit.add(FINISHED.entry(after=counts))
            return first
    raise RosterError(
        "others keep changing the same accounts and classes; what was written is right, "
        "and the rest comes when it is run again"
    )


def check_something_fits(roster: Set, store: Store) -> None:
    """Refuse a set without any row that can be imported.

    Args:
        roster: The set.
        store: Store with the plan.

    Raises:
        RosterError: Rows were rejected, and no row is left to import.
    """
    results = list(outcome(store))
    if any(result.rejected for result in results) and not any(r.imported for r in results):
        raise RosterError(f"nothing in {roster.name} can be imported: each row was rejected")


def check_not_cut_off(totals: Totals) -> None:
    """Refuse a complete set that lacks most of the names that earlier sets had.

    Args:
        totals: Totals of the plan.

    Raises:
        RosterError: More than half of all imported names would leave their rolls because the set
            does not mention them.
    """
    if totals.absent < SUSPICIOUS_FROM:
        return
    if totals.absent > totals.stored_enrolments * SUSPICIOUS_SHARE:
        raise RosterError(
            f"the set lacks {totals.absent:,} of {totals.stored_enrolments:,} imported "
            "enrolments, or their classes or people; they would all leave their rolls, and nothing "
            "was changed. Are the files complete? If that is meant, add --allow-removals"
        )
