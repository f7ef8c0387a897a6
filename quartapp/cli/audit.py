"""``quartapp audit``: who did what, and whether nobody has changed the entries."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from quartapp.audit.form import Position
from quartapp.audit.verification import Verification
from quartapp.cli.mistakes import mistakes_explained
from quartapp.encoding import printable, to_json
from quartapp.server.launch import run_with_services
from quartapp.settings.core import load_settings
from quartapp.telemetry.logs import configure_logging

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from quartapp.database.documents import Document
    from quartapp.parts import Core

ENTRIES_PER_READ = 1000
_END = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})/([1-9][0-9]{0,9})/([0-9a-f]{64})")

_data_dir = click.option(
    "--data-dir",
    type=click.Path(path_type=Path),
    help="Where the embedded database lives.  [default: your data folder]",
)


@click.group()
def audit() -> None:
    """Look at who did what, and verify that nobody has changed it."""


@audit.command()
@click.option("--day", help="Entries of this day only, in UTC, such as 2026-03-01.")
@click.option("--who", help="Entries of this account only, by its id.")
@click.option("--action", help="Entries of this action only, such as auth.role-changed.")
@click.option(
    "--last", default=100, show_default=True, type=click.IntRange(0), help="How many; 0 for all."
)
@click.option("--json", "as_json", is_flag=True, help="For programs: one JSON object on a line.")
@_data_dir
def show(last: int, as_json: bool, data_dir: Path | None, **chosen: str | None) -> None:
    """Show entries, the newest first."""

    async def tell(parts: Core) -> None:
        left, after = last, None
        while True:
            most = min(left, ENTRIES_PER_READ) if last else ENTRIES_PER_READ
            page = await parts.audit.newest(most, after, **chosen)
            for entry in page:
                click.echo(to_json(entry) if as_json else _line(entry))
            left -= len(page)
            if len(page) < most or (last and not left):
                return
            after = page[-1]["_id"]

    _run(tell, data_dir)


@audit.command()
@click.option(
    "--head", metavar="DAY/NUMBER/HASH", help="An end that was kept elsewhere, and has to be there."
)
@_data_dir
def verify(head: str | None, data_dir: Path | None) -> None:
    """Verify all entries; show the end, to be kept elsewhere.

    The exit status is 1 if an entry was changed, deleted, inserted or moved, and the message names
    the first.
    """
    kept = None if head is None else _position(head)
    problems: list[str] = []

    async def check(parts: Core) -> None:
        found = await Verification(parts.database, parts.clock).run(kept)
        if found.fault is not None:
            problems.append(found.fault)
        elif found.first is None:
            click.echo("There are no entries.")
        else:
            click.echo(f"{found.entries} entries since {found.first.day} are as they were written.")
            click.echo(f"head: {found.end}")

    _run(check, data_dir)
    if problems:
        click.echo(f"Error: {printable(problems[0])}", err=True)
        click.get_current_context().exit(1)


def _position(text: str) -> Position:
    found = _END.fullmatch(text)
    if found is None:
        raise click.UsageError("a head is like 2026-03-01/12/, followed by 64 digits")
    return Position(found[1], int(found[2]), found[3])


def _line(entry: Document) -> str:
    who = entry["who"] or {"client": "somebody", "command": "a command"}.get(
        entry["way"], "the server"
    )
    parts = [entry["at"], entry["action"], f"by {who}"]
    if entry["network"] is not None:
        parts.append(f"from {entry.get('address') or entry['network']}")
    parts += [f"{name} {key}" for name, key in entry["about"].items() if key is not None]
    before, after = entry["before"], entry["after"]
    for name in [*after, *(name for name in before if name not in after)]:
        was = f"{before[name]} -> " if name in before else ""
        parts.append(f"{name}: {was}{after.get(name)}")
    return printable(", ".join(parts))


def _run(work: Callable[[Core], Awaitable[None]], data_dir: Path | None) -> None:
    configure_logging()
    with mistakes_explained():
        run_with_services(work, load_settings(data_dir=data_dir), prepare=False)
