"""Pictures of marks over time: bars of the weeks, and a heat map of weekdays and weeks."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from quartapp import core
from quartapp_attendance import StatusRegistry
from quartapp_web.moments import WEEKDAYS, short_day
from quartapp_web.rendering import Pages
from quartapp_web.texts import _

if TYPE_CHECKING:
    from collections.abc import Iterable

PERCENTAGE = _("{whole}.{tenth} %")
NOTHING = "–"  # noqa: RUF001 - a dash stands for nothing
BAR_HEIGHT = 100
FULL = 100
# The stylesheet has a colour for each level; the last is that of everything below.
LEVELS = (95, 90, 80, 65)


@dataclass(frozen=True, slots=True)
class DayCounts:
    """How many marks there are on each day, and how many of them count as present.

    Attributes:
        marks: Number of marks by local day.
        present: Number of marks that count as present, by local day.
    """

    marks: Counter[date] = field(default_factory=Counter)
    present: Counter[date] = field(default_factory=Counter)

    @classmethod
    def of(cls, cells: Iterable[tuple[str, str | None]]) -> DayCounts:
        """Count marks.

        Args:
            cells: Local date and status of each; without a status nothing is counted.
        """
        registry, counts = core().services.get(StatusRegistry), cls()
        days: dict[str, date] = {}
        for text, code in cells:
            if code:
                day = days.get(text) or days.setdefault(text, date.fromisoformat(text))
                counts.marks[day] += 1
                counts.present[day] += registry.counts_as(code) == "present"
        return counts

    def pictures(self) -> dict[str, Any]:
        """Return what the templates show of the marks."""
        return {"weeks": self._weeks(), "heat": self._heat()}

    def _weeks(self) -> list[dict[str, Any]]:
        """Return the share of each week; weeks without a mark between others have none."""
        marks, present = _by_week(self.marks), _by_week(self.present)
        weeks = []
        for number, monday in enumerate(_mondays(marks)):
            share = 100 * present[monday] / marks[monday] if marks[monday] else None
            height = 0 if share is None else round(share * BAR_HEIGHT / 100)
            weeks.append(
                {
                    "week": short_day(monday),
                    "share": percent(share),
                    "marks": marks[monday],
                    "present": present[monday],
                    "height": height,
                    "top": BAR_HEIGHT - height,
                    "left": number * 24,
                }
            )
        return weeks

    def _heat(self) -> dict[str, Any]:
        """Return a row for each weekday that has a mark, with a place for each week."""
        pages = core().services.get(Pages)
        mondays = _mondays(self.marks)
        return {
            "weeks": [short_day(monday) for monday in mondays],
            "days": [
                {
                    "name": pages.translated(WEEKDAYS[weekday]),
                    "cells": [self._cell(monday + timedelta(weekday)) for monday in mondays],
                }
                for weekday in sorted({day.weekday() for day in self.marks})
            ],
        }

    def _cell(self, day: date) -> dict[str, Any] | None:
        if not self.marks[day]:
            return None
        share = 100 * self.present[day] / self.marks[day]
        level = sum(share < least for least in LEVELS)
        # Whole, and 100 only where nobody is missing.
        whole = round(share) if share == FULL else min(round(share), FULL - 1)
        return {"day": short_day(day), "share": percent(share), "whole": whole, "level": level}


def percent(share: float | None) -> str:
    """Return a percentage with one digit in the visitor's language; a dash for none.

    Args:
        share: The percentage.
    """
    if share is None:
        return NOTHING
    whole, tenth = f"{share:.1f}".split(".")
    text = core().services.get(Pages).translated(PERCENTAGE)
    return text.replace("{whole}", whole).replace("{tenth}", tenth)


def _by_week(days: Counter[date]) -> Counter[date]:
    weeks: Counter[date] = Counter()
    for day, number in days.items():
        weeks[_monday(day)] += number
    return weeks


def _mondays(days: Iterable[date]) -> list[date]:
    """Return the Mondays of all weeks from the first day to the last."""
    mondays = {_monday(day) for day in days}
    if not mondays:
        return []
    first = min(mondays)
    number = (max(mondays) - first).days // 7 + 1
    return [first + timedelta(weeks=week) for week in range(number)]


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())
