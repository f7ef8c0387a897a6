"""The command ``quartapp user credentials``: first credentials, to be printed and handed out."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from quartapp import QuartappError
from quartapp_auth.commands import data_dir_option, looked_up, printable, run, users_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from quartapp import Core
    from quartapp_auth.accounts.users import User
    from quartapp_auth.credentials.first import Handout

LINE = "-" * 60
HOW = 'To set the password, send: POST /api/v1/auth/reset {"code": "...", "newPassword": "..."}'


@click.command("credentials")
@click.argument("identifiers", metavar="[EMAIL_OR_USERNAME]...", nargs=-1)
@click.option("--role", help="Only people with this role.")
@click.option("--days", type=click.IntRange(1, 365), default=30, help="How long codes last.  [30]")
@click.option("--csv", "as_csv", is_flag=True, help="Write CSV instead of text to print.")
@data_dir_option
def credentials(
    identifiers: tuple[str, ...],
    role: str | None,
    days: int,
    as_csv: bool,
    data_dir: Path | None,
) -> None:
    """Write a sheet of one-time codes, with which people set their first passwords.

    Without names, the sheet is for everybody who has neither an e-mail address nor a password. A
    new code ends the earlier one of the same person. Codes are shown this once.
    """

    async def make(parts: Core) -> None:
        from quartapp_auth.credentials.first import FirstCredentials

        people = [
            one
            async for one in (_named(parts, identifiers) if identifiers else _without(parts))
            if role is None or one.role == role
        ]
        if not people:
            raise QuartappError("there is nobody to make codes for")
        first = parts.services.get(FirstCredentials)
        made = [await first.make(one, timedelta(days=days)) for one in people]
        click.echo(_table(made) if as_csv else _sheet(made), nl=False)

    run(data_dir, make)


async def _named(parts: Core, identifiers: tuple[str, ...]) -> AsyncIterator[User]:
    from quartapp_auth.errors import UserNotFoundError

    for identifier in identifiers:
        try:
            yield await users_of(parts).by_identifier(looked_up(identifier))
        except UserNotFoundError:
            raise QuartappError(f"there is no account {printable(identifier)}") from None


async def _without(parts: Core) -> AsyncIterator[User]:
    users = users_of(parts)
    async for one in users.everybody():
        # Only a whole account tells whether it has a password.
        if one.email is None and one.issuer is None and not one.disabled:
            whole = await users.get(str(one.id))
            if whole.password is None:
                yield whole


def _sheet(made: list[Handout]) -> str:
    parts = [
        f"{printable(one.user.display_name)}\n"
        f"    sign in as: {printable(one.signs_in_as)}\n"
        f"    one-time code: {one.code.text} (until {_until(one)})\n"
        for one in made
    ]
    return f"{HOW}\n{LINE}\n" + f"{LINE}\n".join(parts)


def _table(made: list[Handout]) -> str:
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(("name", "signInAs", "code", "until"))
    for one in made:
        cells = (one.user.display_name, one.signs_in_as, one.code.text, _until(one))
        rows.writerow([_cell(cell) for cell in cells])
    return text.getvalue()


def _until(handout: Handout) -> str:
    return f"{handout.code.expires_at:%Y-%m-%d %H:%M} UTC"


def _cell(text: str) -> str:
    # A spreadsheet takes a cell that begins like this for a formula, and runs it.
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
