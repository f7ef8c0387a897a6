"""Frames of one socket, in order: their pace, the checks before an event, and its handler."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from pydantic import ValidationError

from quartapp.errors import HookFailedError
from quartapp.identity.access import allows_by_role
from quartapp.parts import core
from quartapp.realtime.answering import Answering, answer_to
from quartapp.realtime.channel import ChannelClosedError
from quartapp.realtime.close_codes import POLICY_VIOLATION
from quartapp.realtime.handling import HandlerCutError
from quartapp.realtime.messages import INVALID_FORMAT, EventError, parse
from quartapp.realtime.pace import Pace, TooFastError
from quartapp.service.refusals import refusing, translated

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import BaseModel

    from quartapp.identity.principal import Principal
    from quartapp.realtime.channel import Channel
    from quartapp.realtime.connection import Connection
    from quartapp.realtime.events import EventType
    from quartapp.realtime.handling import Handling

log = structlog.get_logger("quartapp.socket")


async def serve_frames(connection: Connection, channel: Channel, handling: Handling) -> None:
    """Handle the frames of a socket one after another, until its channel is closed.

    Args:
        connection: The connection that the frames come from.
        channel: The channel that has the frames.
        handling: The watch on the handler that is under way.
    """
    parts = core()
    events, settings = parts.events, parts.settings
    pace = Pace(settings.websocket_rate, settings.websocket_burst, parts.clock.monotonic)
    while True:
        try:
            frame = await channel.receive()
            if wait := pace.take():
                # Meanwhile the inbox fills up, and then nothing more is read from the client.
                await channel.pause(wait, parts.clock)
        except ChannelClosedError:
            return
        except TooFastError:
            log.info("client sends too fast, closing")
            channel.close(POLICY_VIOLATION)
            return
        parts.metrics.received.inc()
        answer_to(None)
        with refusing(connection.tell):
            name, data, ref = parse(frame, with_ref=connection.version == 1)
            if ref is not None:
                answer_to(Answering(connection, ref))
            event = events.get(name)
            with parts.traces.span(f"frame {event.name}"):
                await _handle(event, connection, data, handling)


async def _handle(
    event: EventType, connection: Connection, data: Mapping[str, object], handling: Handling
) -> None:
    """Check the sender and ``data``, then call the handler of ``event``.

    Raises:
        EventError: The frame is refused.
        HookFailedError: A hook failed, or the handler took longer than a hook may.
    """
    principal = connection.principal
    allowed = allows_by_role(principal, core().roles, role=event.role, permission=event.permission)
    if not allowed and not core().grants.in_use:
        raise EventError(event.wrong_role)
    try:
        model = event.data_v1 if connection.version and event.data_v1 else event.data
        payload = model.model_validate(data)
    except ValidationError as error:
        raise EventError(INVALID_FORMAT if allowed else event.wrong_role) from error
    if not allowed and not await _is_granted(event, principal, payload):
        raise EventError(event.wrong_role)
    shown = {name: value for name, value in data.items() if name not in event.secret}
    denied = await core().plugins.authorize(principal, event.name, shown)
    if denied is not None:
        raise EventError(denied.reason)
    try:
        with translated(event), handling:
            await event.handler(connection, payload)
    except HandlerCutError as error:
        raise HookFailedError(
            f"{core().events.owner_of(event)}: event {event.name} took longer than "
            f"{core().settings.hook_timeout:g} s"
        ) from error.__cause__


async def _is_granted(event: EventType, principal: Principal, payload: BaseModel) -> bool:
    if event.permission is None:
        return False
    return await core().grants.allow(principal, event.permission, payload.model_dump())
