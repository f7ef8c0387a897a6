"""The events of calendars that ``on_event`` receives, after the database has stored them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TermsChanged:
    """Event: a term was made, changed or deleted."""

    term_id: str


@dataclass(frozen=True, slots=True)
class HolidaysChanged:
    """Event: holidays of one source were added, replaced or deleted.

    ``source`` is the name under which they were imported, or None for holidays entered by hand.
    """

    source: str | None


@dataclass(frozen=True, slots=True)
class MeetingsChanged:
    """Event: a meeting was added to a class or deleted."""

    class_id: str
