"""Greetings: the frames that a client asks for by query parameters of the socket's address."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

from quartapp.errors import HookFailedError
from quartapp.parts import core
from quartapp.realtime.events import FRAMES
from quartapp.realtime.messages import INVALID_FORMAT, EventError
from quartapp.service.handshake import V1
from quartapp.service.refusals import refusing, translated

if TYPE_CHECKING:
    from collections.abc import Callable

    from quart.wrappers import Websocket

    from quartapp.realtime.connection import Connection
    from quartapp.realtime.events import SocketParameter


async def prepare_greetings(connection: Connection, socket: Websocket) -> list[Callable[[], None]]:
    """Check the query parameters of a handshake, and prepare the answers to them.

    Args:
        connection: The connection that is about to join.
        socket: The handshake.

    Returns:
        Functions that send the answers, to be called when the connection joins.
    """
    greetings: list[Callable[[], None]] = []
    if socket.args.get(FRAMES, V1) != V1:
        greetings.append(partial(connection.tell, EventError(INVALID_FORMAT)))
    for parameter in core().events.parameters:
        value = socket.args.get(parameter.name)
        if value is None:
            continue
        with refusing(lambda error: greetings.append(partial(connection.tell, error))):
            greetings.append(await _greeting(parameter, connection, value))
    return greetings


async def _greeting(
    parameter: SocketParameter, connection: Connection, value: str
) -> Callable[[], None]:
    """Check the value of a parameter, and return the function to call when the connection joins.

    Raises:
        EventError: The value is refused.
        HookFailedError: The parameter's function took longer than a hook may.
    """
    if re.fullmatch(parameter.pattern, value, re.ASCII) is None:
        raise EventError(INVALID_FORMAT)
    limit = core().clock.timeout(core().settings.hook_timeout)
    try:
        with translated(parameter):
            async with limit:
                return await parameter.greet(connection, value)
    except TimeoutError as error:
        if not limit.expired():
            raise
        raise HookFailedError(
            f"{core().events.owner_of(parameter)}: socket parameter {parameter.name} took longer "
            f"than {core().settings.hook_timeout:g} s"
        ) from error
