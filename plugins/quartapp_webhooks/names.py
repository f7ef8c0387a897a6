"""The names of events in the settings, which must exist."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quartapp import QuartappError
from quartapp_webhooks.message import type_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from quartapp import LoadedPlugin
    from quartapp_webhooks.settings import Endpoint


def check_names(endpoints: Iterable[Endpoint], plugins: Iterable[LoadedPlugin]) -> None:
    """Refuse endpoints that want an event that no loaded plugin tells.

    Args:
        endpoints: The endpoints.
        plugins: The loaded plugins, which declare their events by the attribute ``happenings``.

    Raises:
        QuartappError: An event does not exist; the message names the event, and those that exist.
    """
    known = {type_of(happening) for plugin in plugins for happening in plugin.happenings}
    for endpoint in endpoints:
        for name in endpoint.events or ():
            if name not in known:
                raise QuartappError(
                    f"plugin webhooks: {endpoint.shown_url} wants the event {name}, which no "
                    f"loaded plugin has; there are {', '.join(sorted(known))}"
                )
