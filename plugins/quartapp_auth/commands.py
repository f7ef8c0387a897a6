"""The command ``quartapp user``, with which an administrator manages accounts."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
from pydantic import TypeAdapter, ValidationError

from quartapp import QuartappError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from quartapp import Core
    from quartapp_auth.service import UserService

data_dir_option = click.option(
    "--data-dir",
    type=click.Path(path_type=Path),
    help="Where the embedded database lives.  [default: your data folder]",
)
password_option = click.option(
    "--stdin", is_flag=True, help="Read the password from standard input, one line."
)


@click.group("user")
def user() -> None:
    """Look after accounts."""


@user.command("create")
@click.argument("email")
@click.option("--name", required=True, help="The person's name.")
@click.option("--role", required=True, help="The person's role: teacher, student, admin, ...")
@password_option
@data_dir_option
def create(email: str, name: str, role: str, stdin: bool, data_dir: Path | None) -> None:
    """Make an account for EMAIL."""
    from quartapp_auth.errors import EmailTakenError

    address, display_name, password = _address(email), _name(name), _password(stdin)

    async def make(parts: Core) -> None:
        _known_role(parts, role)
        try:
            await _users(parts).register(display_name, address, password, role)
        except EmailTakenError:
            raise QuartappError(f"the address {address} has an account already") from None

    _run(data_dir, make)
    click.echo(f"{address} has an account, with the role {role}.")


@user.command("set-password")
@click.argument("email")
@password_option
@data_dir_option
def set_password(email: str, stdin: bool, data_dir: Path | None) -> None:
    """Give the account of EMAIL a password: its first one, or another.

    It is asked for twice and not shown; with --stdin, the first line of standard input is taken.
    Whoever is signed in has to sign in again.
    """
    address, password = _looked_up(email), _password(stdin)
    _change(email, data_dir, "has a new password", lambda u, _: u.set_password(address, password))


@user.command("set-role")
@click.argument("email")
@click.argument("role")
@data_dir_option
def set_role(email: str, role: str, data_dir: Path | None) -> None:
    """Give the account of EMAIL another ROLE; whoever is signed in has to sign in again."""
    done = f"has the role {role}"
    _change(email, data_dir, done, lambda users, key: users.set_role(key, role), role=role)


@user.command("disable")
@click.argument("email")
@data_dir_option
def disable(email: str, data_dir: Path | None) -> None:
    """Refuse the account of EMAIL from now on, and close its sockets; its records stay."""
    _change(email, data_dir, "is disabled", lambda users, key: users.disable(key))


@user.command("enable")
@click.argument("email")
@data_dir_option
def enable(email: str, data_dir: Path | None) -> None:
    """Let the disabled account of EMAIL sign in again."""
    _change(email, data_dir, "is enabled", lambda users, key: users.enable(key))


@user.command("revoke")
@click.argument("email")
@data_dir_option
def revoke(email: str, data_dir: Path | None) -> None:
    """End all tokens and sockets of the account of EMAIL; the person may sign in again."""
    _change(email, data_dir, "has to sign in again", lambda users, key: users.revoke(key))


@user.command("list")
@data_dir_option
def list_users(data_dir: Path | None) -> None:
    """Show all accounts, one on a line: address, role, state, name."""

    async def show(parts: Core) -> None:
        async for one in _users(parts).everybody():
            state = "disabled" if one.disabled else "enabled"
            # Names are user input, and may contain sequences that move a terminal's cursor.
            name = "".join(c if c.isprintable() else "?" for c in one.display_name)
            click.echo(f"{one.email}\t{one.role}\t{state}\t{name}")

    _run(data_dir, show)


def _password(stdin: bool) -> str:
    given = (
        _first_line()
        if stdin
        else click.prompt("Password", hide_input=True, confirmation_prompt=True)
    )
    return _checked(given)


def _first_line() -> str:
    # Bytes: a pipe brings UTF-8, whatever the encoding of the terminal is.
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


def _address(text: str) -> str:
    from quartapp_auth.schemas import Email

    rule: TypeAdapter[str] = TypeAdapter(Email)
    try:
        return rule.validate_python(text)
    except ValidationError:
        raise QuartappError(f"{text} is no address") from None


def _looked_up(email: str) -> str:
    """Return an address as accounts have it, without the rules for new addresses."""
    return email.strip().lower()


def _name(text: str) -> str:
    from quartapp_auth.schemas import Name

    rule: TypeAdapter[str] = TypeAdapter(Name)
    try:
        return rule.validate_python(text)
    except ValidationError:
        raise QuartappError("a name has 1 to 100 characters") from None


def _known_role(parts: Core, role: str) -> None:
    if role not in parts.roles:
        raise QuartappError(f"there is no role {role}; there are {', '.join(sorted(parts.roles))}")


def _users(parts: Core) -> UserService:
    from quartapp_auth.service import UserService

    return parts.services.get(UserService)


def _change(
    email: str,
    data_dir: Path | None,
    done: str,
    change: Callable[[UserService, str], Awaitable[object]],
    *,
    role: str | None = None,
) -> None:
    """Change an account, and say what was done.

    Args:
        email: E-mail address of the account, as it was typed.
        data_dir: Data folder; None for the default.
        done: What the account is or has now, for the output.
        change: Function that changes the account, given the service and the user's id.
        role: Role that the account gets; None for a change of something else.
    """
    from quartapp_auth.errors import UserNotFoundError

    address = _looked_up(email)

    async def find_and_change(parts: Core) -> None:
        if role is not None:
            _known_role(parts, role)
        users = _users(parts)
        try:
            await change(users, str((await users.by_email(address)).id))
        except UserNotFoundError:
            raise QuartappError(f"there is no account with the address {address}") from None

    _run(data_dir, find_and_change)
    click.echo(f"{address} {done}.")


def _run(data_dir: Path | None, use: Callable[[Core], Awaitable[None]]) -> None:
    from quartapp import load_settings, run_with_services

    run_with_services(use, load_settings(data_dir=data_dir))
