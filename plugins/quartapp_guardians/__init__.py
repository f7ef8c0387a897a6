"""Guardians of students, and the notices of absence that they get by mail.

The names exported here are public; the modules below are internal.
"""

from quartapp_guardians.errors import (
    GuardianNotFoundError,
    SameAddressError,
    TooManyGuardiansError,
)
from quartapp_guardians.guardians import GuardianFields, Guardians
from quartapp_guardians.happenings import (
    GuardianAdded,
    GuardianChanged,
    GuardianRemoved,
    NoticeDropped,
    NoticeSent,
)
from quartapp_guardians.models import NoticeState
from quartapp_guardians.notices import Notices

__all__ = [
    "GuardianAdded",
    "GuardianChanged",
    "GuardianFields",
    "GuardianNotFoundError",
    "GuardianRemoved",
    "Guardians",
    "NoticeDropped",
    "NoticeSent",
    "NoticeState",
    "Notices",
    "SameAddressError",
    "TooManyGuardiansError",
]
