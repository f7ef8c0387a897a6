"""The embedded mongod for a process that forks.

The start of a mongod needs PyMongo, PyMongo makes threads, and a process with threads must not
fork. So the process that forks lets another process start the mongod, and then takes a share. Its
children inherit the share: when the parent is killed, the mongod stays for children that drain.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from quartapp.embedded.address import address_in
from quartapp.embedded.mongo import START_SECONDS, EmbeddedMongo, EmbeddedMongoError
from quartapp.embedded.share import Share

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def forkable_mongod(data_dir: Path) -> Iterator[str]:
    """Keep an embedded mongod for this process and its children during the block.

    Args:
        data_dir: The data folder, as for :class:`EmbeddedMongo`.

    Yields:
        The MongoDB URI, without a database name.

    Raises:
        EmbeddedMongoError: The mongod cannot start.
    """
    folder = data_dir.expanduser().resolve()
    with subprocess.Popen(  # noqa: S603 - our own module
        [sys.executable, "-P", "-m", __name__, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # ctrl-C is for the server
    ) as starter:
        said = starter.stdout.readline() if starter.stdout else ""
        answer = json.loads(said) if said else {"error": "The embedded MongoDB did not start."}
        if "error" in answer:
            raise EmbeddedMongoError(answer["error"])
        share = Share(folder)
        with share.taking(time.monotonic() + START_SECONDS):
            pass  # the mongod runs: the starter holds its share until its input is closed
        if starter.stdin:
            starter.stdin.close()  # the starter ends by itself while the server starts
        try:
            yield answer["uri"]
        finally:
            share.leave(address_in(folder).remove)


def start(data_dir: Path) -> int:
    """Start a mongod, and keep a share until standard input ends.

    The URI, or the error, goes to standard output as JSON.

    Args:
        data_dir: The data folder, as for :class:`EmbeddedMongo`.

    Returns:
        The exit status: 0, or 1 after an error.
    """
    try:
        with EmbeddedMongo(data_dir) as mongo:
            print(json.dumps({"uri": mongo.uri}), flush=True)
            sys.stdin.read()
    except EmbeddedMongoError as error:
        print(json.dumps({"error": str(error)}), flush=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(start(Path(sys.argv[1])))
