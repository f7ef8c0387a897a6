"""The command ``quartapp invite``, with which an administrator invites people to register."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from quartapp import QuartappError
from quartapp_auth.commands import address, data_dir_option, known_role, run

if TYPE_CHECKING:
    from pathlib import Path

    from quartapp import Core


@click.command("invite")
@click.argument("email", required=False)
@click.option("--role", required=True, help="The person's role: teacher, student, admin, ...")
@data_dir_option
def invite(email: str | None, role: str, data_dir: Path | None) -> None:
    """Invite a person to register, with EMAIL or with any address.

    The invitation is shown this once, works once, and for seven days.
    """
    from quartapp_auth.errors import RegistrationClosedError
    from quartapp_auth.registering.invitations import Invitations

    new = None if email is None else address(email)

    async def make(parts: Core) -> None:
        known_role(parts, role)
        try:
            made, secret = await parts.services.get(Invitations).make(role, new)
        except RegistrationClosedError:
            raise QuartappError(
                "registration is closed, so nobody could use an invitation: set "
                "QUARTAPP_AUTH_REGISTRATION to invite"
            ) from None
        sent = {"name": "...", "email": new or "...", "password": "...", "invitation": secret}
        click.echo(f"invitation: {secret}")
        click.echo(f"role: {role}")
        click.echo(f"address: {new or 'any'}")
        click.echo(f"until: {made.expires_at:%Y-%m-%d %H:%M} UTC")
        click.echo(f"to register, send: POST /api/v1/auth/register {json.dumps(sent)}")

    run(data_dir, make)
