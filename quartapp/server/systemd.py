"""Notifications to the service manager (sd_notify(3))."""

from __future__ import annotations

import os
import socket

import structlog

log = structlog.get_logger("quartapp.server")


def notify_systemd(state: str) -> None:
    """Tell the service manager the state of the server, if ``NOTIFY_SOCKET`` asks for that.

    Args:
        state: Assignments, one a line, such as ``READY=1``.
    """
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notifying:
        try:
            notifying.sendto(state.encode(), address.replace("@", "\0", 1))
        except OSError as error:
            log.warning("the service manager cannot be told", reason=str(error))
