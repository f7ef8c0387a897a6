"""The command ``quartapp webhooks``, which shows deliveries and retries dead ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from quartapp import Core
    from quartapp_webhooks.service import WebhookService


@click.command("webhooks")
@click.option("--retry-dead", is_flag=True, help="Let the dead deliveries be tried again.")
@click.option(
    "--forget-removed",
    is_flag=True,
    help="Delete what is kept for endpoints that are no longer configured.",
)
def webhooks(retry_dead: bool, forget_removed: bool) -> None:
    """Show the endpoints, and how many deliveries wait or are dead."""
    from quartapp import run_with_services
    from quartapp_webhooks.service import WebhookService

    async def look(parts: Core) -> None:
        service = parts.services.get(WebhookService)
        keys = [endpoint.key for endpoint in service.settings.endpoints]
        if retry_dead:
            click.echo(f"{await service.outbox.retry_dead(keys)} deliveries wait again.")
        if forget_removed:
            click.echo(f"{await service.outbox.forget_others(keys)} deliveries deleted.")
        await _show(service)

    run_with_services(look)


async def _show(service: WebhookService) -> None:
    if not service.settings.endpoints:
        click.echo("No endpoints: list them in quartapp.toml under [[plugins.webhooks.endpoints]].")
    counts = await service.outbox.counts()
    for endpoint in service.settings.endpoints:
        counted = counts.pop(endpoint.key, {})
        click.echo(endpoint.shown_url)
        click.echo(f"    events: {', '.join(endpoint.events) if endpoint.events else 'all'}")
        click.echo(f"    waiting: {counted.get('waiting', 0)}, dead: {counted.get('dead', 0)}")
        reason = await service.outbox.last_reason(endpoint.key)
        if reason is not None:
            click.echo(f"    last problem: {reason}")
    left = [counted.get("waiting", 0) + counted.get("dead", 0) for counted in counts.values()]
    if sum(left):
        click.echo(f"{sum(left)} deliveries are kept for endpoints that are no longer configured.")
