"""The work and the output of ``quartapp roster import``."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from quartapp import QuartappError, opened, printable
from quartapp_auth import BulkAccounts
from quartapp_oneroster import importer, report
from quartapp_oneroster.progress import shown
from quartapp_oneroster.stopping import Stoppable
from quartapp_oneroster.store import scratch

if TYPE_CHECKING:
    from pathlib import Path

    from quartapp import Core, Database, Settings
    from quartapp_oneroster.importer import Set
    from quartapp_oneroster.plan import Totals
    from quartapp_oneroster.progress import Progress
    from quartapp_oneroster.store import Store

REJECTED_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Job:
    """One call of the command.

    Attributes:
        source: Folder or zip file of the set.
        today: ISO date for which rolls are made.
        report: File for the rejected rows; None writes no file.
        show: Largest number of printed differences of each kind; 0 prints all.
        dry_run: Whether to change nothing.
        allow_removals: Whether the set may take most names off the rolls.
        take_over: Whether people get the accounts that somebody has registered with their address.
    """

    source: Path
    today: str
    report: Path | None
    show: int
    dry_run: bool
    allow_removals: bool
    take_over: bool

    async def run(self, settings: Settings) -> int:
        """Run the import, and return the number of rejected rows.

        Args:
            settings: The complete settings.

        Raises:
            QuartappError: The set, the database or the report cannot be used.
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        if self.report is not None:
            report.check_writable(self.report)
        progress = Stoppable(shown())
        with scratch() as store, progress.listening():
            roster = await asyncio.to_thread(
                importer.read, self.source, store, self.today, progress
            )
            try:
                async with opened(settings) as parts:
                    if parts.services.find(BulkAccounts) is None:
                        raise QuartappError(
                            "a plugin keeps the accounts elsewhere, and OneRoster sets are "
                            "imported into MongoDB alone"
                        )
                    if self.dry_run:
                        await self._compare(parts.database, roster, store, progress)
                    else:
                        await self._import(parts, roster, store, progress)
            finally:
                # Rejected rows are reported for a refused import too: they may be the reason of the
                # refusal.
                rejected = self._tell_rejected(store)
        return rejected

    def _tell_rejected(self, store: Store) -> int:
        for line in report.rejected(store, REJECTED_SHOWN):
            click.echo(printable(line), err=True)
        rejected = report.count_rejected(store)
        if rejected:
            click.echo(f"{rejected:,} rows rejected", err=True)
        if self.report is not None:
            report.write(store, self.report)
        return rejected

    async def _compare(
        self, database: Database, roster: Set, store: Store, progress: Progress
    ) -> None:
        totals = await importer.compare(
            database, roster, store, self.today, progress, take_over=self.take_over
        )
        for line in report.difference(store, self.show):
            click.echo(printable(line))
        for line in report.sums(totals, store):
            click.echo(printable(line))
        click.echo("Nothing was changed: this was a dry run.")
        self._agree(roster, totals, store)

    async def _import(self, parts: Core, roster: Set, store: Store, progress: Progress) -> None:
        def agree(totals: Totals) -> None:
            self._agree(roster, totals, store)
            for line in report.sums(totals, store):
                click.echo(printable(line))

        await importer.bring_in(
            *(parts, roster, store, self.today, progress), agree=agree, take_over=self.take_over
        )
        if not report.count_rejected(store):
            click.echo(f"Imported {roster.name}.")
            return
        click.echo(f"Imported {roster.name}, except for the rejected rows:")
        for result in report.outcome(store):
            click.echo(f"  {result}")

    def _agree(self, roster: Set, totals: Totals, store: Store) -> None:
        importer.check_something_fits(roster, store)
        if not self.allow_removals:
            importer.check_not_cut_off(totals)
