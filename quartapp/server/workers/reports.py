"""Reports from workers to the arbiter, and the signals that end both."""

from __future__ import annotations

import json
import os
import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


# Largest write to a pipe that is not mixed with other writes (PIPE_BUF on Linux, pipe(7)).
REPORT_BYTES = 4096
LONGEST_FAILURE = REPORT_BYTES // 4 - 20  # in characters, of up to four bytes each
ENDINGS = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGABRT})


class Reports:
    """A pipe on which workers report that they are ready, or why they failed."""

    def __init__(self) -> None:
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._reader, False)

    def tell(self, failure: str | None) -> None:
        """Report to the arbiter; called in a worker.

        Args:
            failure: Reason why the worker cannot start; None for a worker that is ready.
        """
        report = [os.getpid(), failure and failure[:LONGEST_FAILURE]]
        os.write(self._writer, json.dumps(report, ensure_ascii=False).encode() + b"\n")

    def heard(self) -> Iterator[tuple[int, str | None]]:
        """Read the reports since the last call; called in the arbiter.

        Yields:
            Process id of the worker, and its failure or None.
        """
        while True:
            try:
                lines = os.read(self._reader, REPORT_BYTES * 16)
            except BlockingIOError:
                return
            for line in lines.splitlines():
                pid, failure = json.loads(line)
                yield pid, failure
