from __future__ import annotations

from quartapp import QuartappError


class RosterError(QuartappError):
    """Why a set cannot be imported at all, in one sentence."""


class RejectedError(Exception):
    """Why one row cannot be imported; the others can."""
