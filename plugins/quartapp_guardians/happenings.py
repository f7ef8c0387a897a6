"""The events of guardians that ``on_event`` receives, after the database has stored them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GuardianAdded:
    """Event: a student has got a guardian."""

    guardian_id: str
    student_id: str
    by: str


@dataclass(frozen=True, slots=True)
class GuardianChanged:
    """Event: the name, the address or the language of a guardian has changed."""

    guardian_id: str
    student_id: str
    by: str


@dataclass(frozen=True, slots=True)
class GuardianRemoved:
    """Event: a student has lost a guardian."""

    guardian_id: str
    student_id: str
    by: str


@dataclass(frozen=True, slots=True)
class NoticeSent:
    """Event: the mail server has taken a notice of absence on a local date in ISO 8601."""

    notice_id: str
    student_id: str
    guardian_id: str
    date: str


@dataclass(frozen=True, slots=True)
class NoticeDropped:
    """Event: a notice is not sent, for ``why``: the records were corrected, or the day is over."""

    notice_id: str
    student_id: str
    guardian_id: str
    date: str
    why: str
