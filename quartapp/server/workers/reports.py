"""What workers tell the arbiter, and the signals that end both."""

from __future__ import annotations

import json
import os
import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


# What is written in one piece stays in one piece up to this (PIPE_BUF on Linux, pipe(7)).
REPORT_BYTES = 4096
LONGEST_FAILURE = REPORT_BYTES // 4 - 20  # in characters, of up to four bytes each
ENDINGS = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGABRT})


class Reports:
    """What workers tell their arbiter: that they are ready, or why they are not."""

    def __init__(self) -> None:
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._reader, False)

    def tell(self, failure: str | None) -> None:
        """In a worker: it is ready, or there is a ``failure``; the arbiter wakes up."""
        report = [os.getpid(), failure and failure[:LONGEST_FAILURE]]
        os.write(self._writer, json.dumps(report, ensure_ascii=False).encode() + b"\n")

    def heard(self) -> Iterator[tuple[int, str | None]]:
        """In the arbiter: each report since the last call, with the worker's process id."""
        while True:
            try:
                lines = os.read(self._reader, REPORT_BYTES * 16)
            except BlockingIOError:
                return
            for line in lines.splitlines():
                pid, failure = json.loads(line)
                yield pid, failure
