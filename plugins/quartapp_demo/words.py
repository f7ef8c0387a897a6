"""Measurements as text for people."""

from __future__ import annotations


def milliseconds(seconds: float) -> str:
    """Return a short time as text, in milliseconds.

    Args:
        seconds: The time, in seconds.
    """
    return f"{seconds * 1000:.1f} ms"
