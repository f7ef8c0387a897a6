"""Frames of one socket, in order: their pace, the checks before an event, and its handler."""

from __future__ import annotations

from functools import partial
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
from quartapp.realtime.turns import Turns, earlier_frames
from quartapp.service.refusals import refusing, translated

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from pydantic import BaseModel

    from quartapp.identity.principal import Principal
    from quartapp.realtime.channel import Channel
    from quartapp.realtime.connection import Connection
    from quartapp.realtime.events import EventType
    from quartapp.realtime.handling import Handling

    Handle = Callable[[Handling], Coroutine[None, None, None]]

log = structlog.get_logger("quartapp.socket")


async def serve_frames(connection: Connection, channel: Channel) -> None:
    """Handle the frames of a socket, until its channel is closed.

    Frames of an event that overlaps are handled by tasks of their own. All others wait for those
    before them, and those after them wait.

    Args:
        connection: The connection that the frames come from.
        channel: The channel that has the frames.
    """
    parts = core()
    settings, turns = parts.settings, Turns(channel)
    pace = Pace(settings.websocket_rate, settings.websocket_burst, parts.clock.monotonic)
    handling = parts.watchdog.watch()
    try:
        while True:
            try:
                frame = await channel.receive()
                if wait := pace.take():
                    # Meanwhile the inbox fills up, and then nothing more is read from the client.
                    await channel.pause(wait, parts.clock)
            except ChannelClosedError:
                break
            except TooFastError:
                log.info("client sends too fast, closing")
                channel.close(POLICY_VIOLATION)
                break
            parts.metrics.received.inc()
            await _begin(connection, frame, turns, handling)
        await turns.end()
    finally:
        parts.watchdog.forget(handling)
        if turns:
            # This task was cancelled.
            await turns.cancel()


async def _begin(
    connection: Connection, frame: str | bytes | None, turns: Turns, handling: Handling
) -> None:
    """Handle a frame; return when the next one may begin."""
    answered: Answering | None = None
    handle: Handle | None = None
    refused: list[EventError] = []
    with refusing(refused.append):
        name, data, ref = parse(frame, with_ref=connection.version == 1)
        answered = None if ref is None else Answering(connection, ref)
        event = core().events.get(name)
        handle = partial(_traced, event, connection, data)
    answer = partial(_answer, connection, answered, refused, handle)
    if handle is None and turns:
        # Only the answer has to wait for those before it.
        await turns.run(None, partial(answer, handling))
    elif handle is not None and event.overlaps:
        if answered is not None:
            # The broadcast with the reference is an answer, and comes after those before it.
            await turns.end()
        await turns.run(event, partial(_answer_timed, answer))
    else:
        await turns.end()
        await answer(handling)


async def _answer_timed(answer: Handle) -> None:
    """Answer a frame in a task of its own, whose time is limited by itself."""
    watchdog = core().watchdog
    handling = watchdog.watch()
    try:
        await answer(handling)
    finally:
        watchdog.forget(handling)


async def _answer(
    connection: Connection,
    answered: Answering | None,
    refused: list[EventError],
    handle: Handle | None,
    handling: Handling,
) -> None:
    """Handle a frame, unless it is refused already; tell the refusal in the order of the frames."""
    answer_to(answered)
    if handle is not None:
        with refusing(refused.append):
            await handle(handling)
    for error in refused:
        await earlier_frames()
        connection.tell(error)


async def _traced(
    event: EventType, connection: Connection, data: Mapping[str, object], handling: Handling
) -> None:
    with core().traces.span(f"frame {event.name}"):
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
