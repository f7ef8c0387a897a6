"""The command ``quartapp webhooks``, which shows deliveries and retries dead ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from quartapp import timestamp

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from quartapp import Core, Document, Outbox
    from quartapp_webhooks.settings import Endpoint

PLUGIN = "webhooks"


@click.command("webhooks")
@click.option("--retry-dead", is_flag=True, help="Let the dead deliveries be tried again.")
@click.option(
    "--switch-on", is_flag=True, help="Send again to the endpoints that answered 410 Gone."
)
@click.option(
    "--forget-removed",
    is_flag=True,
    help="Delete what is kept for endpoints that are no longer configured.",
)
def webhooks(retry_dead: bool, switch_on: bool, forget_removed: bool) -> None:
    """Show the endpoints, and how many deliveries wait or are dead."""
    from quartapp import run_with_services
    from quartapp_webhooks.service import WebhookService
    from quartapp_webhooks.settings import WebhooksSettings

    async def look(parts: Core) -> None:
        endpoints = parts.services.get(WebhooksSettings).endpoints
        keys = [endpoint.key for endpoint in endpoints]
        store = parts.outbox.store
        switched_off = parts.services.get(WebhookService).switched_off
        if switch_on:
            click.echo(f"{await switched_off.clear()} endpoints are switched on again.")
        if retry_dead:
            dead = {"plugin": PLUGIN, "kind": {"$in": keys}}
            click.echo(f"{await store.revive(dead)} deliveries wait again.")
        if forget_removed:
            others = {"plugin": PLUGIN, "kind": {"$nin": keys}}
            click.echo(f"{await store.drop(others)} deliveries deleted.")
        await _show(endpoints, parts.outbox, await switched_off.since())

    run_with_services(look)


async def _show(
    endpoints: tuple[Endpoint, ...], outbox: Outbox, switched_off: Mapping[str, datetime]
) -> None:
    if not endpoints:
        click.echo("No endpoints: list them in quartapp.toml under [[plugins.webhooks.endpoints]].")
    kept = {group["kind"]: group for group in await outbox.store.summary({"plugin": PLUGIN})}
    for endpoint in endpoints:
        group: Document = kept.pop(endpoint.key, {})
        click.echo(endpoint.shown_url)
        click.echo(f"    events: {', '.join(endpoint.events) if endpoint.events else 'all'}")
        click.echo(f"    kind in the outbox: {endpoint.key}")
        if endpoint.key in switched_off:
            click.echo(
                f"    switched off since {timestamp(switched_off[endpoint.key])}: it is gone"
            )
        click.echo(f"    waiting: {group.get('waiting', 0)}, dead: {group.get('dead', 0)}")
        if group.get("reason") is not None:
            click.echo(f"    last problem: {group['reason']}")
    left = sum(group["waiting"] + group["dead"] for group in kept.values())
    if left:
        click.echo(f"{left} deliveries are kept for endpoints that are no longer configured.")
