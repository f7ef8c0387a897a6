"""``quartapp serve`` for as long as somebody holds the other end of standard input.

However the demo ends, by a kill -9 too, the kernel closes its end of the pipe. Then the server
stops as for ctrl-C, and takes its folder with it.
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
    """Serve on a free port with data in ``folder``; once let go of, stop and remove it.

    Args:
        folder: Made for this one run.
    """
    # A shell that starts us in the background has it ignored; and while the database starts it
    # has to end us as an exception, so that mongod is stopped.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    let_go = threading.Event()
    threading.Thread(target=_wait_for_end_of_input, args=(let_go,), daemon=True).start()
    try:
        main(["serve", "--host", "127.0.0.1", "--port", "0", "--data-dir", str(folder / "data")])
    finally:
        if let_go.is_set():  # else the folder has the log that says why we end
            shutil.rmtree(folder, ignore_errors=True)


def _wait_for_end_of_input(let_go: threading.Event) -> None:
    while os.read(sys.stdin.fileno(), 1024):
        pass
    let_go.set()
    os.kill(os.getpid(), signal.SIGINT)


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
