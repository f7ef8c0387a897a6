"""Measures in words, for people."""

from __future__ import annotations


def milliseconds(seconds: float) -> str:
    """A short time for people."""
    return f"{seconds * 1000:.1f} ms"
