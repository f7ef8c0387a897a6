"""The command ``quartapp records``. Slow imports wait until the command runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from datetime import datetime

    from quartapp import Core

PAGE = 100


@click.group("records")
def records() -> None:
    """Look after the records of ended sessions."""


@records.command("rebuild")
def rebuild() -> None:
    """Build the columns of all registers anew, from the records.

    Columns are copies that make registers fast; a missing one is made when it is read. A server may
    run beside.
    """
    from quartapp import run_with_services

    click.echo(f"{run_with_services(_rebuilt)} columns are built.")


@records.command("lock")
@click.argument("through", metavar="DATE", type=click.DateTime(["%Y-%m-%d"]), required=False)
@click.option("--unlock", is_flag=True, help="Unlock all records.")
def lock(through: datetime | None, unlock: bool) -> None:
    """Lock records up to DATE, so that nobody changes them; without DATE, show the lock.

    An earlier DATE unlocks the days after it.
    """
    from quartapp import run_with_services
    from quartapp_records.errors import FutureDateError
    from quartapp_records.lock import Lock

    if unlock and through is not None:
        raise click.UsageError("--unlock and DATE exclude each other.")

    async def work(parts: Core) -> str | None:
        found = parts.services.get(Lock)
        if not unlock and through is None:
            return await found.through()
        try:
            return (await found.set(None if through is None else through.date(), None)).through
        except FutureDateError:
            raise click.UsageError("DATE lies in the future.") from None

    day = run_with_services(work)
    click.echo("Nothing is locked." if day is None else f"Records are locked through {day}.")


async def _rebuilt(parts: Core) -> int:
    from quartapp import read_pages
    from quartapp_attendance import OUTCOMES, Session
    from quartapp_records.columns import Columns

    columns, name = parts.services.get(Columns), Session.collection()
    async with parts.database.operation():
        total = await parts.database.documents[name].estimated_document_count()
    built = 0
    with click.progressbar(length=total, label="Sessions") as bar:
        fields = ("classId", "date", "startedAt", "state", "roll")
        async for page in read_pages(parts.database, name, PAGE, fields):
            for session in page:
                if session["state"] in OUTCOMES:
                    built += await columns.build(session)
                bar.update(1)
    return built
