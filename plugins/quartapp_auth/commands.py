"""``quartapp user``: what an administrator does with accounts, at the machine itself."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
from pydantic import TypeAdapter, ValidationError

from quartapp import QuartappError

if TYPE_CHECKING:
    from quartapp import Settings


@click.group("user")
def user() -> None:
    """Look after accounts."""


@user.command("set-password")
@click.argument("email")
@click.option("--stdin", is_flag=True, help="Read the password from standard input, one line.")
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path),
    help="Where the embedded database lives.  [default: your data folder]",
)
def set_password(email: str, stdin: bool, data_dir: Path | None) -> None:
    """Give the account of EMAIL a password: its first one, or another.

    It is asked for twice and not shown; with --stdin, the first line of standard input is taken.
    """
    password = (
        _first_line()
        if stdin
        else click.prompt("Password", hide_input=True, confirmation_prompt=True)
    )
    address = email.strip().lower()
    _set_password(address, _checked(password), data_dir)
    click.echo(f"{address} has a new password.")


def _first_line() -> str:
    # Bytes: what a pipe brings is UTF-8, whatever the terminal's encoding is.
    line = sys.stdin.buffer.readline()
    try:
        return line.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise QuartappError("the password on standard input is not UTF-8") from None


def _checked(password: str) -> str:
    from quartapp_auth.schemas import NewPassword

    rule: TypeAdapter[str] = TypeAdapter(NewPassword)
    try:
        return rule.validate_python(password)
    except ValidationError:
        raise QuartappError(
            "a password has 6 characters or more, and at most 72 bytes of UTF-8"
        ) from None


def _set_password(email: str, password: str, data_dir: Path | None) -> None:
    from quartapp import launched, load_settings, opened
    from quartapp_auth.errors import UserNotFoundError
    from quartapp_auth.service import UserService

    async def change(settings: Settings) -> None:
        async with opened(settings) as parts:
            try:
                await parts.services.get(UserService).set_password(email, password)
            except UserNotFoundError:
                raise QuartappError(f"there is no account with the address {email}") from None

    with launched(load_settings(data_dir=data_dir)) as settings:
        asyncio.run(change(settings))
