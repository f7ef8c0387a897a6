"""The entries of the bundled pages in the navigation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quartapp import core
from quartapp_attendance import AttendanceService
from quartapp_records import Access
from quartapp_web.rendering import has_accounts
from quartapp_web.sections import Section
from quartapp_web.texts import _

if TYPE_CHECKING:
    from quartapp import Principal


MANAGING = "people:manage"
MANAGING_CLASSES = "class:manage"


def is_student(principal: Principal) -> bool:
    """Tell whether a person has marks of their own, and calls no rolls.

    Args:
        principal: The person.
    """
    permissions = core().roles.permissions_of(principal.role)
    calls = core().services.get(AttendanceService).calls_rolls(principal)
    return "attendance:read" in permissions and not calls


def is_staff(principal: Principal) -> bool:
    """Tell whether a person is no student.

    Args:
        principal: The person.
    """
    return not is_student(principal)


def reads_records(principal: Principal) -> bool:
    """Tell whether a person reads the records of classes.

    Args:
        principal: The person.
    """
    return core().services.get(Access).reads_classes(principal)


def manages_people(principal: Principal) -> bool:
    """Tell whether a person manages the accounts that this server keeps.

    Args:
        principal: The person.
    """
    return has_accounts() and MANAGING in core().roles.permissions_of(principal.role)


def manages_classes(principal: Principal) -> bool:
    """Tell whether a person manages every class, with accounts that this server keeps.

    Args:
        principal: The person.
    """
    return has_accounts() and is_office(principal)


def is_office(principal: Principal) -> bool:
    """Tell whether a person manages every class.

    Args:
        principal: The person.
    """
    return MANAGING_CLASSES in core().roles.permissions_of(principal.role)


SECTIONS = [
    Section("/app/today", _("Today"), shown_to=is_staff, order=10),
    Section("/app/now", _("Now"), shown_to=is_student, order=10),
    Section("/app/my-attendance", _("My attendance"), shown_to=is_student, order=20),
    Section("/app/register/", _("Register"), shown_to=reads_records, order=20),
    Section("/app/report/", _("Reports"), shown_to=reads_records, order=30),
    Section("/app/people/", _("People"), shown_to=manages_people, order=40),
    Section("/app/classes/", _("Classes"), shown_to=manages_classes, order=50),
    Section("/app/office/", _("Office"), shown_to=is_office, order=60),
]
