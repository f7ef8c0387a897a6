"""Metrics of an app, for Prometheus.

With several workers, each process writes its values to files in a shared temporary folder; the
process that answers ``/metrics`` sums them.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import prometheus_client.values
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.values import get_value_class

from quartapp.errors import QuartappError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from prometheus_client.metrics_core import Metric

# prometheus-client's own variable.
SHARED_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
MEDIA_TYPE = "text/plain"

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
REQUEST_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)


class Metrics:
    """The metrics of an app. Plugins add their own metrics to the registry.

    Example:
        >>> lent = Counter("library_books_lent", "Books.", registry=core(app).metrics.registry)

    Attributes:
        registry: Registry of all metrics of the app.
        sockets: Number of open WebSockets.
        refused: Number of WebSockets refused because of a limit on open sockets.
        received: Number of frames from clients.
        sent: Number of frames handed over to sockets.
        overflows: Number of sockets closed because the client did not read its frames.
        events_waiting: Number of events that plugins have not been told yet.
        event_seconds: Time in which all plugins were told of an event, in seconds.

    Raises:
        QuartappError: The shared folder in the environment does not exist.
    """

    def __init__(self) -> None:
        if folder := os.environ.get(SHARED_FOLDER):
            if not Path(folder).is_dir():
                raise QuartappError(f"{SHARED_FOLDER} names no folder: {folder}")
            # prometheus-client chose at its import, before the variable was set.
            prometheus_client.values.ValueClass = get_value_class()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        self.sockets = Gauge(
            "quartapp_sockets",
            "WebSockets that are open.",
            multiprocess_mode="livesum",
            registry=self.registry,
        )
        self._socket_limits = Gauge(
            "quartapp_sockets_limit",
            "Largest number of WebSockets, of a process and of a user.",
            ("of",),
            multiprocess_mode="livemax",
            registry=self.registry,
        )
        self.refused = self._counter(
            "sockets_refused", "WebSockets refused, as there were too many."
        )
        self.received = self._counter("frames_received", "Frames that clients sent.")
        self.sent = self._counter("frames_sent", "Frames handed over to sockets.")
        self.overflows = self._counter(
            "outbox_overflows", "WebSockets closed because their client did not take its frames."
        )
        self.events_waiting = Gauge(
            "quartapp_events_waiting",
            "Events that plugins have not been told yet.",
            multiprocess_mode="livesum",
            registry=self.registry,
        )
        self.event_seconds = Histogram(
            "quartapp_event_seconds",
            "The time in which all plugins were told of one event.",
            buckets=REQUEST_SECONDS,
            registry=self.registry,
        )
        self._requests = Counter(
            "quartapp_requests",
            "HTTP requests, by method, route and status.",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "quartapp_request_seconds",
            "From a request to the end of its answer.",
            ("method", "route"),
            buckets=REQUEST_SECONDS,
            registry=self.registry,
        )
        # A cache, as finding a series by its labels takes several times as long as counting.
        self._series: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request that was answered.

        Args:
            method: Method of the request; methods unknown to HTTP count as ``other``.
            route: Pattern of the route, such as ``/users/<id>``. Requested paths would make an
                endless number of series.
            status: Status code of the answer.
            seconds: Time from the request to the end of the answer, in seconds.
        """
        known = method if method in METHODS else "other"
        answer = (known, route, status)
        series = self._series.get(answer)
        if series is None:
            series = (
                self._requests.labels(known, route, str(status)),
                self._seconds.labels(known, route),
            )
            self._series[answer] = series
        series[0].inc()
        series[1].observe(seconds)

    def socket_limits(self, *, process: int, user: int) -> None:
        """Tell how many sockets may be open at most.

        Args:
            process: Largest number of sockets of one process.
            user: Largest number of sockets of one user, in all processes together.
        """
        self._socket_limits.labels("process").set(process)
        self._socket_limits.labels("user").set(user)

    def text(self) -> str:
        """Return the metrics of all processes of the server in Prometheus's text format."""
        if not os.environ.get(SHARED_FOLDER):
            return generate_latest(self.registry).decode()
        together = CollectorRegistry()
        _FilledFiles(together)  # type: ignore[no-untyped-call]
        return generate_latest(together).decode()

    def _counter(self, name: str, meaning: str) -> Counter:
        return Counter(f"quartapp_{name}", meaning, registry=self.registry)


class _FilledFiles(MultiProcessCollector):
    """Sum the metrics of all processes, but of those that have none yet.

    A process that starts makes a file first and fills it afterwards, and prometheus-client fails
    on an empty file.
    """

    def collect(self) -> Iterable[Metric]:
        """Return the metrics of all processes together."""
        files = [
            str(file) for file in Path(os.environ[SHARED_FOLDER]).glob("*.db") if _is_filled(file)
        ]
        return self.merge(files)  # type: ignore[no-any-return, no-untyped-call]


def _is_filled(file: Path) -> bool:
    try:
        return file.stat().st_size > 0
    except FileNotFoundError:  # Its process ended meanwhile.
        return False


@contextmanager
def metrics_shared() -> Iterator[None]:
    """Let processes that are forked inside the ``with`` block share their metrics."""
    with TemporaryDirectory(prefix="quartapp-metrics-") as folder:
        os.environ[SHARED_FOLDER] = folder
        try:
            yield
        finally:
            del os.environ[SHARED_FOLDER]


def process_ended(pid: int) -> None:
    """Remove the gauges of a process that has ended, such as its open sockets.

    Args:
        pid: Process id of the process, which shared its metrics.
    """
    mark_process_dead(pid)  # type: ignore[no-untyped-call]
