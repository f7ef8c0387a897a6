"""The command ``quartapp calendar``. Slow imports wait until the command runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from quartapp import QuartappError, load_settings, run_with_services

if TYPE_CHECKING:
    from quartapp import Core

MOST_BYTES = 16 * 1024**2

_data_dir = click.option(
    "--data-dir",
    type=click.Path(path_type=Path),
    help="Where the embedded database lives.  [default: your data folder]",
)


@click.group("calendar")
def calendar() -> None:
    """Look after terms and holidays."""


@calendar.command("import")
@click.argument("file", metavar="FILE.ics", type=click.Path(path_type=Path))
@click.option(
    "--source",
    help="Name of the source, in small letters, digits and hyphens.  [default: the file's name]",
)
@click.option("--dry-run", is_flag=True, help="Show the holidays, and change nothing.")
@_data_dir
def import_holidays(file: Path, source: str | None, dry_run: bool, data_dir: Path | None) -> None:
    """Import holidays from an iCalendar file.

    They take the place of all holidays that were imported from the same source before. Of repeated
    events, the ten years before and after this year are read.
    """
    from quartapp_calendar.errors import NotInstalledError, UnreadableCalendarError
    from quartapp_calendar.holidays import Holidays
    from quartapp_calendar.reading import CalendarReader

    name, text = _source(source, file), _text(file)

    async def work(parts: Core) -> None:
        try:
            spans = await parts.services.get(CalendarReader).read(text)
        except NotInstalledError:
            raise QuartappError(
                "quartapp calendar needs icalendar and recurring-ical-events; "
                "install with: pip install 'quartapp[icalendar]'"
            ) from None
        except UnreadableCalendarError as error:
            more = f": {error.about}" if error.about else ""
            raise QuartappError(f"{file}: {error}{more}; nothing was imported") from None
        if dry_run:
            for span in spans:
                click.echo(_line(span.first, span.last, span.name))
            click.echo(f"Holidays that would be imported as {name}: {len(spans)}")
            return
        await parts.services.get(Holidays).replace(name, spans)
        click.echo(f"Holidays imported as {name}: {len(spans)}")

    run_with_services(work, load_settings(data_dir=data_dir))


@calendar.command("list")
@_data_dir
def show(data_dir: Path | None) -> None:
    """Show all terms and holidays, one on a line: from, to, name."""
    from quartapp_calendar.holidays import Holidays
    from quartapp_calendar.schemas import EARLIEST, LATEST
    from quartapp_calendar.terms import Terms

    async def work(parts: Core) -> None:
        terms = await parts.services.get(Terms).all()
        for term in sorted(terms, key=lambda one: one.first):
            click.echo(f"term     {_line(term.first, term.last, term.name)}")
        holidays = await parts.services.get(Holidays).between(EARLIEST, LATEST)
        for one in sorted(holidays, key=lambda one: (one.first, one.last, one.name)):
            origin = f"  [{one.source}]" if one.source else ""
            click.echo(f"holiday  {_line(one.first, one.last, one.name)}{origin}")
        if not terms and not holidays:
            click.echo("There are no terms and no holidays.")

    run_with_services(work, load_settings(data_dir=data_dir))


def _line(first: str, last: str, name: str) -> str:
    from quartapp import printable

    return f"{first}  {last}  {printable(name)}"


def _source(given: str | None, file: Path) -> str:
    from pydantic import TypeAdapter, ValidationError

    from quartapp_calendar.schemas import Source

    name = given if given is not None else file.stem.lower().replace(" ", "-").replace("_", "-")
    try:
        return TypeAdapter[str](Source).validate_python(name)
    except ValidationError:
        raise QuartappError(
            f"{name!r} is no name of a source; give one with --source, in small letters, digits "
            "and hyphens, such as holidays-of-bavaria"
        ) from None


def _text(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            content = opened.read(MOST_BYTES + 1)
    except OSError as error:
        raise QuartappError(f"{file} cannot be read: {error.strerror}") from error
    if len(content) > MOST_BYTES:
        raise QuartappError(f"{file} is larger than {MOST_BYTES // 1024**2} MiB")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise QuartappError(f"{file} is not in UTF-8") from error
