"""The command ``quartapp roster import``. Slow imports wait until the command runs."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from datetime import datetime
from pathlib import Path

import click

EXIT_ROWS_REJECTED = 3
EXIT_INTERRUPTED = 130  # what shells report for ctrl-C: 128 + SIGINT
# Time to wait for MongoDB unless set otherwise, in seconds: longer than a person would wait for a
# page.
DATABASE_TIMEOUT = 30.0


@click.group("roster")
def roster() -> None:
    """Import people, classes and rolls from another system."""


@roster.command("import")
@click.argument("source", metavar="FOLDER_OR_ZIP", type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="Show the difference, and change nothing.")
@click.option(
    "--report", type=click.Path(path_type=Path), help="Write every rejected row here, as CSV."
)
@click.option(
    "--show",
    type=click.IntRange(min=0),
    default=20,
    show_default=True,
    help="Lines of difference of each kind that a dry run shows; 0 for all.",
)
@click.option(
    "--as-of",
    type=click.DateTime(["%Y-%m-%d"]),
    help="Make the rolls for this day, say the first of the term.  [default: today]",
)
@click.option(
    "--allow-removals",
    is_flag=True,
    help="Import a complete set even if it takes most names off the rolls.",
)
@click.option(
    "--take-over",
    is_flag=True,
    help="Give people the accounts that somebody has registered with their addresses; the old "
    "passwords and tokens end.",
)
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path),
    help="Where the embedded database lives.  [default: your data folder]",
)
def import_roster(
    source: Path,
    dry_run: bool,
    report: Path | None,
    show: int,
    as_of: datetime | None,
    allow_removals: bool,
    take_over: bool,
    data_dir: Path | None,
) -> None:
    """Import a OneRoster CSV set (1.1 or 1.2), bulk or delta.

    Everything is read and checked before anything is written. If an import was stopped, run it
    again.

    Exit status: 0 when everything was imported, 3 when some rows were rejected and the others
    imported, 2 when the set or the database cannot be used.
    """
    import sqlite3

    from pymongo.errors import PyMongoError

    from quartapp import DatabaseUnavailableError, launched, load_settings
    from quartapp_oneroster.errors import RosterError
    from quartapp_oneroster.job import Job
    from quartapp_oneroster.stopping import StoppedError

    today = (as_of or datetime.now().astimezone()).strftime("%Y-%m-%d")
    settings = load_settings(data_dir=data_dir)
    if "database_timeout" not in settings.model_fields_set:
        settings = settings.model_copy(update={"database_timeout": DATABASE_TIMEOUT})
    job = Job(
        *(source, today, report, show),
        dry_run=dry_run,
        allow_removals=allow_removals,
        take_over=take_over,
    )
    with launched(settings) as complete:
        try:
            rejected = asyncio.run(job.run(complete))
        except DatabaseUnavailableError as error:
            raise RosterError(
                f"MongoDB stopped answering ({error}); what was written is right, "
                "and the rest comes when the import is run again"
            ) from error
        except PyMongoError as error:
            raise RosterError(f"MongoDB refused what the import asked for: {error}") from error
        except sqlite3.Error as error:
            raise RosterError(
                f"the scratch files in {tempfile.gettempdir()} failed ({error}); "
                "TMPDIR names another folder for them"
            ) from error
        except StoppedError:
            click.echo("Stopped. Run it again, and it goes on from here.", err=True)
            sys.exit(EXIT_INTERRUPTED)
    sys.exit(EXIT_ROWS_REJECTED if rejected else 0)
