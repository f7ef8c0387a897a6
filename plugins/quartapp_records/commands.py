"""The command ``quartapp records``. Slow imports wait until the command runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
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
