"""Reports from workers to the arbiter, and the signals that end both."""

from __future__ import annotations

import json
import os
import signal
from typing import TYPE_CHECKING, NamedTuple

from quartapp.errors import EXIT_MISTAKE

if TYPE_CHECKING:
    from collections.abc import Iterator


# Largest write to a pipe that is not mixed with other writes (PIPE_BUF on Linux, pipe(7)).
REPORT_BYTES = 4096
LONGEST_FAILURE = REPORT_BYTES // 4 - 20  # in characters, of up to four bytes each
ENDINGS = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGABRT})


class Failure(NamedTuple):
    """The failure of a worker.

    Attributes:
        reason: Why the worker failed, for the person who started the server.
        exit_status: Exit status of a server that ends because of the failure.
    """

    reason: str
    exit_status: int = EXIT_MISTAKE


class Reports:
    """A pipe on which workers report that they are ready, or why they failed."""

    def __init__(self) -> None:
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._reader, False)

    def tell(self, failure: Failure | None) -> None:
        """Report to the arbiter; called in a worker.

        Args:
            failure: Why the worker cannot start or go on; None for a worker that is ready.
        """
        told = failure and [failure.reason[:LONGEST_FAILURE], failure.exit_status]
        report = [os.getpid(), told]
        os.write(self._writer, json.dumps(report, ensure_ascii=False).encode() + b"\n")

    def heard(self) -> Iterator[tuple[int, Failure | None]]:
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
                pid, told = json.loads(line)
                yield pid, told and Failure(*told)
