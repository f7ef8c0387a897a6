"""The process that keeps the embedded mongod of a server of several processes.

:class:`EmbeddedMongo` needs a thread for as long as its mongod runs, and a process with threads
must not fork. So the process that forks has another one keep it. The two are tied by a pipe, of
which every process of the server has an end: mongod goes when the last of them has gone, also when
they are killed, and so it is there for those who still drain. Only for one that hangs it is not.
"""

from __future__ import annotations

import json
import math
import os
import select
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from quartapp.embedded.mongo import EmbeddedMongo, EmbeddedMongoError
from quartapp.telemetry.logs import configure_logging

if TYPE_CHECKING:
    from collections.abc import Iterator

# How long workers may go on with it after the process that forked them has gone: they drain, which
# takes less, and the next server on this directory waits longer. One that hangs cannot keep it.
ORPHANED_SECONDS = 8.0
POLL_SECONDS = 0.5


@contextmanager
def kept_mongod(data_dir: Path) -> Iterator[str]:
    """An embedded mongod in a process of its own, for this process and its children; its URI.

    Args:
        data_dir: As of :class:`EmbeddedMongo`.

    Raises:
        EmbeddedMongoError: It cannot start.
    """
    command = [sys.executable, "-P", "-m", __name__, str(data_dir), str(os.getpid())]
    with subprocess.Popen(  # noqa: S603 - our own module
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # ctrl-C is for the server, which still needs its database then
    ) as keeper:
        said = keeper.stdout.readline() if keeper.stdout else ""
        answer = json.loads(said) if said else {"error": "The embedded MongoDB did not start."}
        if "error" in answer:
            raise EmbeddedMongoError(answer["error"])
        yield answer["uri"]
        # Leaving closes our end of the pipe, and waits.


def keep(data_dir: Path, owner: int) -> int:
    """Keep a mongod until standard input ends; its URI, or what is wrong, goes to the output.

    Args:
        data_dir: As of :class:`EmbeddedMongo`.
        owner: The process that a second server on this directory is told of.

    Returns:
        The exit status.
    """
    configure_logging()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # Whoever stops a whole group of processes means the server, which ends us.
        signal.signal(number, signal.SIG_IGN)
    try:
        with EmbeddedMongo(data_dir, owner=owner) as mongo:
            print(json.dumps({"uri": mongo.uri}), flush=True)
            _wait_for_the_end(owner)
    except EmbeddedMongoError as error:
        print(json.dumps({"error": str(error)}), flush=True)
        return 1
    return 0


def _wait_for_the_end(owner: int) -> None:
    deadline = math.inf
    while time.monotonic() < deadline:
        if select.select([sys.stdin], [], [], POLL_SECONDS)[0]:
            return  # nobody writes, so this is the end of file
        if deadline == math.inf and os.getppid() != owner:
            deadline = time.monotonic() + ORPHANED_SECONDS


if __name__ == "__main__":
    sys.exit(keep(Path(sys.argv[1]), int(sys.argv[2])))
