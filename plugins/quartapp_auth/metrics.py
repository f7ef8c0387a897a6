"""The metrics of sign-ins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import Counter, Gauge

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

LIMITS = ("pair", "account", "network")


class AuthMetrics:
    """The metrics of an app's sign-ins.

    Args:
        registry: Registry of the app's metrics.

    Attributes:
        hashes_waiting: Number of passwords that wait for a thread to hash them.
        hashes_refused: Number of passwords that were refused because too many others waited.
        failures: Number of sign-ins with an unknown account or a wrong password.
        refused: Number of sign-ins, and of requests for one-time codes, that were refused after too
            many, by limit.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self.hashes_waiting = Gauge(
            "quartapp_auth_hashes_waiting",
            "Passwords that wait for a thread to hash them.",
            multiprocess_mode="livesum",
            registry=registry,
        )
        self.hashes_refused = Counter(
            "quartapp_auth_hashes_refused",
            "Passwords that were refused, as too many others waited.",
            registry=registry,
        )
        self.failures = Counter(
            "quartapp_auth_failures",
            "Sign-ins with an unknown account or a wrong password.",
            registry=registry,
        )
        self.refused = Counter(
            "quartapp_auth_refused",
            "Sign-ins, and requests for codes, that were refused after too many, by limit.",
            ("limit",),
            registry=registry,
        )
        for limit in LIMITS:
            self.refused.labels(limit)
