"""Tools for tests of plugins: real servers, a real database, people and their sockets.

quartapp comes with a pytest plugin, which provides the fixtures ``serve``, ``server``,
``serve_process``, ``turned_clock``, ``mongodb_uri`` and ``quartapp_contract`` without an import.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from quartapp._exports import lazily

if TYPE_CHECKING:
    from quartapp.testing.clients import Client as Client
    from quartapp.testing.clients import Person as Person
    from quartapp.testing.clients import Socket as Socket
    from quartapp.testing.clock import TurnedClock as TurnedClock
    from quartapp.testing.contract import Prepare as Prepare
    from quartapp.testing.contract import QuartappContract as QuartappContract
    from quartapp.testing.pages import Page as Page
    from quartapp.testing.processes import ServerProcess as ServerProcess
    from quartapp.testing.servers import SECRET as SECRET
    from quartapp.testing.servers import Serve as Serve
    from quartapp.testing.servers import ServeProcess as ServeProcess
    from quartapp.testing.servers import TestServer as TestServer
    from quartapp.testing.servers import running as running
    from quartapp.testing.streams import Stream as Stream

__all__ = [
    "SECRET",
    "Client",
    "Page",
    "Person",
    "Prepare",
    "QuartappContract",
    "Serve",
    "ServeProcess",
    "ServerProcess",
    "Socket",
    "Stream",
    "TestServer",
    "TurnedClock",
    "running",
]

# Each name is imported at its first use, so that a test only pays for the names that it uses.
_HOMES = {
    "quartapp.testing.clients": (
        "Client",
        "Person",
        "Socket",
    ),
    "quartapp.testing.clock": ("TurnedClock",),
    "quartapp.testing.contract": (
        "Prepare",
        "QuartappContract",
    ),
    "quartapp.testing.pages": ("Page",),
    "quartapp.testing.processes": ("ServerProcess",),
    "quartapp.testing.servers": (
        "SECRET",
        "Serve",
        "ServeProcess",
        "TestServer",
        "running",
    ),
    "quartapp.testing.streams": ("Stream",),
}
__getattr__, __dir__ = lazily(__name__, _HOMES, globals())
