"""``quartapp serve`` on a leash: the server stops when its standard input is closed.

The demo holds the other end of standard input. The kernel closes it however the demo ends, even by
``kill -9``. Then the server stops as for ctrl-C, and removes its folder.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import threading
from pathlib import Path

from quartapp import main


def serve(folder: Path) -> None:
    """Serve on a free port until standard input is closed; then stop, and remove the data.

    Args:
        folder: Data folder, made for this one run.
    """
    # A shell that starts the demo in the background makes it ignore SIGINT. While the database
    # starts, SIGINT has to raise KeyboardInterrupt here, so that mongod is stopped.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    let_go = threading.Event()
    threading.Thread(target=_wait_for_end_of_input, args=(let_go,), daemon=True).start()
    try:
        main(["serve", "--host", "127.0.0.1", "--port", "0", "--data-dir", str(folder / "data")])
    finally:
        if let_go.is_set():  # otherwise the server failed: keep its log, which gives the reason
            shutil.rmtree(folder, ignore_errors=True)


def _wait_for_end_of_input(let_go: threading.Event) -> None:
    while os.read(sys.stdin.fileno(), 1024):
        pass
    let_go.set()
    os.kill(os.getpid(), signal.SIGINT)


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
