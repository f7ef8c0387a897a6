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
    "--password-stdin",
    "--stdin",
    "stdin",
    is_flag=True,
    help="Read the password from standard input, one line.",
)


@click.group("user")
def user() -> None:
    """Look after accounts."""


@user.command("create")
@click.argument("identifier", metavar="EMAIL_OR_USERNAME")
@click.option("--name", required=True, help="The person's name.")
@click.option("--role", required=True, help="The person's role: teacher, student, admin, ...")
@password_option
@data_dir_option
def create(identifier: str, name: str, role: str, stdin: bool, data_dir: Path | None) -> None:
    """Make an account for an address, or for a username without one."""
    from quartapp_auth.errors import EmailTakenError

    new = address(identifier) if "@" in identifier else _username(identifier)
    email, username = (new, None) if "@" in new else (None, new)
    display_name, password = _name(name), _password(stdin)

    async def make(parts: Core) -> None:
        known_role(parts, role)
        try:
            users = users_of(parts)
            await users.register(
                display_name, email, password, role, username=username, vouched=True
            )
        except EmailTakenError:
            raise QuartappError(f"the {_kind(new)} {new} has an account already") from None

    run(data_dir, make)
    click.echo(f"{new} has an account, with the role {role}.")


@user.command("set-password")
@click.argument("identifier", metavar="EMAIL_OR_USERNAME")
@password_option
@data_dir_option
def set_password(identifier: str, stdin: bool, data_dir: Path | None) -> None:
    """Give an account a password: its first one, or another.

    It is asked for twice and not shown; with --password-stdin, the first line of standard input is
    taken. Whoever is signed in has to sign in again.
    """
    name, password = looked_up(identifier), _password(stdin)
    done = "has a new password"
    _change(identifier, data_dir, done, lambda users, _: users.set_password(name, password))


@user.command("set-role")
@click.argument("identifier", metavar="EMAIL_OR_USERNAME")
@click.argument("role")
@data_dir_option
def set_role(identifier: str, role: str, data_dir: Path | None) -> None:
    """Give an account another ROLE; whoever is signed in has to sign in again."""
    done = f"has the role {role}"
    _change(identifier, data_dir, done, lambda users, key: users.set_role(key, role), role=role)


@user.command("disable")
@click.argument("identifier", metavar="EMAIL_OR_USERNAME")
@data_dir_option
def disable(identifier: str, data_dir: Path | None) -> None:
    """Refuse an account from now on, and close its sockets; its records stay."""
    _change(identifier, data_dir, "is disabled", lambda users, key: users.disable(key))


@user.command("enable")
@click.argument("identifier", metavar="EMAIL_OR_USERNAME")
@data_dir_option
def enable(identifier: str, data_dir: Path | None) -> None:
    """Let a disabled account sign in again."""
    _change(identifier, data_dir, "is enabled", lambda users, key: users.enable(key))


@user.command("revoke")
@click.argument("identifier", metavar="EMAIL_OR_USERNAME")
@data_dir_option
def revoke(identifier: str, data_dir: Path | None) -> None:
    """End all tokens and sockets of an account; the person may sign in again."""
    _change(identifier, data_dir, "has to sign in again", lambda users, key: users.revoke(key))


@user.command("list")
@data_dir_option
def listusers_of(data_dir: Path | None) -> None:
    """Show all accounts, one on a line: address or username, role, state, name."""

    async def show(parts: Core) -> None:
        async for one in users_of(parts).everybody():
            state = "disabled" if one.disabled else "enabled"
            known_by = printable(one.email or one.username or "")
            click.echo(f"{known_by}\t{one.role}\t{state}\t{printable(one.display_name)}")

    run(data_dir, show)


def printable(text: str) -> str:
    """Return text from outside as a terminal may show it.

    Args:
        text: The text.
    """
    # Names are user input, and may contain sequences that move a terminal's cursor.
    return "".join(c if c.isprintable() else "?" for c in text)


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


def address(text: str) -> str:
    """Return an address for a new account, in lower case.

    Args:
        text: Address as it was typed.

    Raises:
        QuartappError: The text is no address.
    """
    from quartapp_auth.schemas import Email

    rule: TypeAdapter[str] = TypeAdapter(Email)
    try:
        return rule.validate_python(text)
    except ValidationError:
        raise QuartappError(f"{text} is no address") from None


def _username(text: str) -> str:
    from quartapp_auth.schemas import Username

    rule: TypeAdapter[str] = TypeAdapter(Username)
    try:
        return rule.validate_python(text)
    except ValidationError:
        raise QuartappError("a username has 1 to 100 characters, and no @") from None


def looked_up(identifier: str) -> str:
    """Return an address or username as accounts have it, without the rules for new ones.

    Args:
        identifier: E-mail address or username, as it was typed.
    """
    text = identifier.strip()
    return text.lower() if "@" in text else text


def _kind(identifier: str) -> str:
    return "address" if "@" in identifier else "username"


def _name(text: str) -> str:
    from quartapp_auth.schemas import Name

    rule: TypeAdapter[str] = TypeAdapter(Name)
    try:
        return rule.validate_python(text)
    except ValidationError:
        raise QuartappError("a name has 1 to 100 characters") from None


def known_role(parts: Core, role: str) -> None:
    """Refuse a role that no plugin brings.

    Args:
        parts: The parts of the app.
        role: Name of the role.

    Raises:
        QuartappError: There is no such role.
    """
    if role not in parts.roles:
        raise QuartappError(f"there is no role {role}; there are {', '.join(sorted(parts.roles))}")


def users_of(parts: Core) -> UserService:
    """Return the service of accounts.

    Args:
        parts: The parts of the app.
    """
    from quartapp_auth.service import UserService

    return parts.services.get(UserService)


def _change(
    identifier: str,
    data_dir: Path | None,
    done: str,
    change: Callable[[UserService, str], Awaitable[object]],
    *,
    role: str | None = None,
) -> None:
    """Change an account, and say what was done.

    Args:
        identifier: E-mail address or username of the account, as it was typed.
        data_dir: Data folder; None for the default.
        done: What the account is or has now, for the output.
        change: Function that changes the account, given the service and the user's id.
        role: Role that the account gets; None for a change of something else.
    """
    from quartapp_auth.errors import UserNotFoundError

    name = looked_up(identifier)

    async def find_and_change(parts: Core) -> None:
        if role is not None:
            known_role(parts, role)
        users = users_of(parts)
        try:
            await change(users, str((await users.by_identifier(name)).id))
        except UserNotFoundError:
            raise QuartappError(f"there is no account with the {_kind(name)} {name}") from None

    run(data_dir, find_and_change)
    click.echo(f"{name} {done}.")


def run(data_dir: Path | None, use: Callable[[Core], Awaitable[None]]) -> None:
    """Run the work of a command on the database that the settings name.

    Args:
        data_dir: Data folder; None for the default.
        use: The work.
    """
    from quartapp import load_settings, run_with_services

    run_with_services(use, load_settings(data_dir=data_dir))
