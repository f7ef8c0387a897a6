"""``quartapp contract``: show the contract, check it, test a server against it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import distribution
from importlib.util import find_spec
from pathlib import Path

import click
import yaml

from quartapp.cli.mistakes import mistakes_explained
from quartapp.errors import QuartappError
from quartapp.extras import command_for, missing_of
from quartapp.settings.core import load_settings

SUITE = "quartapp_contract_suite"
FORMATS = ("openapi", "asyncapi")


@click.group()
def contract() -> None:
    """Show, check and test the contract with clients: openapi.yaml and asyncapi.yaml."""


@contract.command()
@click.option(
    "--format",
    "kind",
    type=click.Choice(FORMATS),
    default="openapi",
    show_default=True,
    help="Of HTTP, or of the WebSocket.",
)
@click.option("--json", "as_json", is_flag=True, help="As JSON instead of YAML.")
def show(kind: str, as_json: bool) -> None:
    """Show what the configured plugins offer. No database is needed."""
    from quartapp.app import unconnected_app
    from quartapp.contract.asyncapi.document import asyncapi_document
    from quartapp.contract.openapi.served import served_document

    with mistakes_explained():
        app = unconnected_app(load_settings())
        document = served_document(app) if kind == "openapi" else asyncapi_document(app)
    if as_json:
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
        return
    plain = json.loads(json.dumps(document))  # YAML would write anchors for shared objects
    click.echo(yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=100), nl=False)


@contract.command()
def check() -> None:
    """Compare the configured server with the contract's files.

    Exit status 1 when it does not keep to them. What plugins add is listed, and is no mistake. No
    database is needed.
    """
    from quartapp.cli.contract_check import check as checked

    with mistakes_explained():
        report = checked(load_settings())
    for addition in report.additions:
        click.echo(f"added: {addition}")
    for difference in report.drift:
        click.echo(f"drift: {difference}")
    if report.drift:
        click.echo(f"{len(report.drift)} differences from the contract", err=True)
        raise SystemExit(1)
    click.echo("the server keeps to the contract")


@contract.command(context_settings={"ignore_unknown_options": True})
@click.argument("url", required=False)
@click.option(
    "--depth",
    type=click.Choice(["quick", "default", "deep"]),
    default="default",
    show_default=True,
    help="quick: a quarter of the cases; deep: ten times as many.",
)
@click.option(
    "--plugin",
    "plugins",
    multiple=True,
    help="A plugin to add to the server that the run starts; repeatable.",
)
@click.option(
    "--jwt-secret",
    envvar="CONTRACT_JWT_SECRET",
    help="The JWT_SECRET of the server, for tokens that cannot be made without it.",
)
@click.option(
    "--admin",
    metavar="EMAIL:PASSWORD",
    envvar="CONTRACT_ADMIN",
    help="An administrator of the server, for what only administrators may do.",
)
@click.option(
    "--registration",
    type=click.Choice(["open", "invite", "closed"]),
    help="Who may register; with invite, the administrator invites the people of the run, and with "
    "closed makes their accounts.",
)
@click.option(
    "--accounts",
    metavar="COMMAND",
    help="A command that makes an account, where nobody may register: {name}, {email}, {role} and "
    "{password} are replaced; without {password}, the password is the input.",
)
@click.option(
    "--features",
    metavar="NAMES",
    help="Test these features alone, with commas between: auth, classes, live, records, calendar, "
    "office, admin, service.",
)
@click.option(
    "--html",
    metavar="FILE",
    help="A file for a report for people, beside the JUnit file.",
)
@click.argument("pytest_arguments", nargs=-1, type=click.UNPROCESSED)
def test(
    url: str | None,
    depth: str,
    plugins: tuple[str, ...],
    jwt_secret: str | None,
    admin: str | None,
    registration: str | None,
    accounts: str | None,
    features: str | None,
    html: str | None,
    pytest_arguments: tuple[str, ...],
) -> None:
    """Test the server at URL, or one that is started for it, against the contract.

    The server's own documents have to be the contract with additions only. Then everything in them
    is tried, what its plugins bring included.

    It makes accounts and classes on the server, thousands of them: do not name one whose data you
    care for. What follows `--` goes to pytest, and so do options of the suite that are not here,
    such as accounts of the server's roles. Exit status 3 when no server answers at URL.
    """
    if url is not None and not url.startswith(("http://", "https://")):
        pytest_arguments, url = (url, *pytest_arguments), None
    if plugins and url is not None:
        raise click.UsageError("--plugin is for a server that is started, not for one at a URL")
    with mistakes_explained():
        _require_extra()
        suite = _suite()
    # The path of the suite lets pytest find the suite's own pytest.ini.
    command = [sys.executable, "-m", "pytest", str(suite), "--contract-depth", depth]
    if url is not None:
        command += ["--base-url", url]
    for name in plugins:
        command += ["--plugin", name]
    given = {
        "--contract-jwt-secret": jwt_secret,
        "--contract-admin": admin,
        "--contract-registration": registration,
        "--accounts": accounts,
        "--contract-features": features,
        "--contract-html": html,
    }
    for option, value in given.items():
        command += [] if value is None else [option, value]
    done = subprocess.run(  # noqa: S603 - pytest, with what was asked for
        [*command, *pytest_arguments],
        # The suite may be in a folder in which only an administrator can write.
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        check=False,
    )
    raise SystemExit(done.returncode)


def _suite() -> Path:
    """Find the folder of the contract's tests, a package beside this one."""
    found = find_spec(SUITE)
    if found is None or found.origin is None:
        raise QuartappError(f"this installation of quartapp has no {SUITE}, which is in the wheel")
    return Path(found.origin).parent


def _require_extra() -> None:
    ours = distribution("quartapp")
    missing = missing_of("contract", ours)
    if missing:
        raise QuartappError(
            f"the contract tests need {', '.join(missing)}; "
            f"install with: {command_for('contract', ours)}"
        )
