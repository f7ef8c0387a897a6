"""``quartapp outbox``: what waits to be delivered, another try, and what is given up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from quartapp.cli.mistakes import mistakes_explained
from quartapp.encoding import printable
from quartapp.server.launch import run_with_services
from quartapp.telemetry.logs import configure_logging

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from quartapp.database.outbox_store import OutboxStore

_CHOICES = (
    click.option("--plugin", help="Entries of this plugin only."),
    click.option("--kind", help="Entries of this kind only."),
    click.option("--key", help="Entries of this key only."),
)


def _with_choices(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(_CHOICES):
        command = option(command)
    return command


@click.group()
def outbox() -> None:
    """Look after what plugins deliver to other systems."""


@outbox.command("list")
def list_entries() -> None:
    """Show what waits and what is dead, by plugin, kind and key, with the last problem."""

    async def show(store: OutboxStore) -> None:
        groups = await store.summary()
        for group in groups:
            whose = " ".join(filter(None, (group["plugin"], group["kind"], group["key"])))
            tried = f", tried {group['attempts']} times" if group["attempts"] else ""
            dead = f", {group['dead']} dead" if group["dead"] else ""
            click.echo(f"{printable(whose)}: {group['waiting']}{tried}{dead}")
            if group["reason"]:
                click.echo(f"    last problem: {printable(group['reason'])}")
        click.echo(f"{sum(group['waiting'] for group in groups)} entries wait.")
        dead = sum(group["dead"] for group in groups)
        if dead:
            click.echo(f"{dead} entries are dead: only `quartapp outbox retry` tries them again.")

    _run(show)


@outbox.command()
@_with_choices
def retry(**chosen: str | None) -> None:
    """Try to deliver now what waits for its next try, and what is dead; a server does so."""
    wanted = {name: value for name, value in chosen.items() if value is not None}

    async def again(store: OutboxStore) -> None:
        click.echo(f"{await store.retry(wanted)} entries are tried now.")

    _run(again)


@outbox.command()
@_with_choices
@click.option("--all", "everything", is_flag=True, help="Drop all that waits.")
def drop(*, everything: bool, **chosen: str | None) -> None:
    """Delete what waits: it is never delivered."""
    wanted = {name: value for name, value in chosen.items() if value is not None}
    if bool(wanted) == everything:
        raise click.UsageError("name what to drop by --plugin, --kind and --key, or say --all")

    async def delete(store: OutboxStore) -> None:
        click.echo(f"{await store.drop(wanted)} entries are deleted.")

    _run(delete)


def _run(work: Callable[[OutboxStore], Awaitable[None]]) -> None:
    configure_logging()
    with mistakes_explained():
        run_with_services(lambda parts: work(parts.outbox.store), prepare=False)
