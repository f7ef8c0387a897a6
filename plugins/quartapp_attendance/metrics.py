"""The metrics of roll calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import Counter, Gauge, Histogram

from quartapp_attendance.live.states import OUTCOMES, SessionState

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from prometheus_client import CollectorRegistry

    from quartapp_attendance.live.session import ActiveSession

COMMIT_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2)
FAN_OUT_SECONDS = (0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2)
LAG_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)
STATES = (SessionState.ACTIVE, SessionState.CLOSING)


class AttendanceMetrics:
    """The metrics of an app's roll calls.

    Args:
        registry: Registry of the app's metrics.

    Attributes:
        marks: Number of stored marks, counted by the process that stored them.
        commit: Time of one update of a session, in seconds; an update may store several marks.
        ended: Number of ended sessions by outcome, counted by the process that ended them.
        fan_out: Time from the arrival of a change until it is handed to the last socket of this
            process, in seconds.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self.marks = Counter("quartapp_marks", "Marks that were stored.", registry=registry)
        self.commit = Histogram(
            "quartapp_commit_seconds",
            "One update of a session in MongoDB, which may store several marks.",
            buckets=COMMIT_SECONDS,
            registry=registry,
        )
        self.ended = Counter(
            "quartapp_sessions_ended",
            "Sessions that have ended, by outcome.",
            ("outcome",),
            registry=registry,
        )
        for outcome in OUTCOMES:
            self.ended.labels(outcome)
        self.fan_out = Histogram(
            "quartapp_fan_out_seconds",
            "From a change's arrival to its last hand-over to a socket of the process.",
            buckets=FAN_OUT_SECONDS,
            registry=registry,
        )
        self._lag = Histogram(
            "quartapp_stream_lag_seconds",
            "From a change's commit, by MongoDB's clock, to its arrival by the change stream.",
            buckets=LAG_SECONDS,
            registry=registry,
        )
        self._sessions = Gauge(
            "quartapp_sessions",
            "Sessions that are live, by state.",
            ("state",),
            # Every process sees all live sessions.
            multiprocess_mode="livemax",
            registry=registry,
        )

    def arrived(self, committed: datetime | None, now: float) -> None:
        """Note that a change has arrived.

        Args:
            committed: Time of the commit, in UTC; None where MongoDB does not report it (before
                6.0).
            now: The present time, in seconds since the epoch.
        """
        if committed is not None:
            self._lag.observe(max(now - committed.timestamp(), 0))

    def live(self, sessions: Iterable[ActiveSession]) -> None:
        """Set the number of live sessions.

        Args:
            sessions: The sessions that are live now.
        """
        states = [session.state for session in sessions]
        for state in STATES:
            self._sessions.labels(state).set(states.count(state))
