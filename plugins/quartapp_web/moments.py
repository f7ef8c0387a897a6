"""Moments in the time zone of the institution, and days in the visitor's language."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quartapp import core
from quartapp_web.rendering import Pages
from quartapp_web.texts import _

if TYPE_CHECKING:
    from datetime import date, datetime

MONTHS = (
    *(_("Jan"), _("Feb"), _("Mar"), _("Apr"), _("May"), _("Jun")),
    *(_("Jul"), _("Aug"), _("Sep"), _("Oct"), _("Nov"), _("Dec")),
)
WEEKDAYS = (_("Mon"), _("Tue"), _("Wed"), _("Thu"), _("Fri"), _("Sat"), _("Sun"))


def clock_time(moment: datetime) -> str:
    """Return the local time of day, such as ``08:05``.

    Args:
        moment: The moment, with a time zone.
    """
    return moment.astimezone(core().settings.timezone).strftime("%H:%M")


def short_day(day: date) -> str:
    """Return a day without its year, such as ``3 Mar``, in the visitor's language.

    Args:
        day: The day.
    """
    return f"{day.day} {core().services.get(Pages).translated(MONTHS[day.month - 1])}"


def full_moment(moment: datetime) -> str:
    """Return a local day and time, such as ``3 Mar 2026, 08:05``, in the visitor's language.

    Args:
        moment: The moment, with a time zone.
    """
    local = moment.astimezone(core().settings.timezone)
    return f"{short_day(local.date())} {local.year}, {clock_time(moment)}"


def named_day(day: date) -> str:
    """Return a day with its weekday, such as ``Tue 3 Mar``, in the visitor's language.

    Args:
        day: The day.
    """
    return f"{core().services.get(Pages).translated(WEEKDAYS[day.weekday()])} {short_day(day)}"
