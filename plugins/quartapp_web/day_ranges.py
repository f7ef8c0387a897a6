"""The days that a table shows: the present term, four weeks, or what a person asks for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field

from quartapp import core
from quartapp_calendar import Terms
from quartapp_web.moments import short_day
from quartapp_web.rendering import Pages
from quartapp_web.texts import _

if TYPE_CHECKING:
    from quartapp_calendar import Term

# Four weeks with both ends, where no term says more.
USUAL_DAYS = 28
LONGEST_DAYS = 731


def _day(text: object) -> object:
    """Read what a browser sends for a date; an empty field says nothing."""
    return date.fromisoformat(text) if isinstance(text, str) and text else text or None


LocalDay = Annotated[date | None, BeforeValidator(_day)]


class RangeQuery(BaseModel):
    """The days that a person asks for."""

    first: LocalDay = Field(None, alias="from")
    last: LocalDay = Field(None, alias="to")


@dataclass(frozen=True, slots=True)
class Range:
    """The days that a page shows.

    Attributes:
        first: First day.
        last: Last day.
        problem: What was wrong with the days that were asked for, in English; empty for nothing.
        terms: The terms that have begun, by their first days.
    """

    first: date
    last: date
    problem: str
    terms: tuple[Term, ...]

    def values(self) -> dict[str, Any]:
        """Return what the templates show of the days."""
        pages = core().services.get(Pages)
        return {
            "first": self.first.isoformat(),
            "last": self.last.isoformat(),
            "problem": pages.translated(self.problem),
            "shown_days": f"{short_day(self.first)} - {short_day(self.last)} {self.last.year}",
            "terms": self.terms,
        }


async def asked_range(query: RangeQuery) -> Range:
    """Return the days to show: the present term, or four weeks, unless others are asked for.

    Args:
        query: What the person asks for.

    Raises:
        DatabaseUnavailableError: MongoDB did not answer in time.
    """
    today = core().local_day()
    now = today.isoformat()
    begun = [term for term in await core().services.get(Terms).all() if term.first <= now]
    terms = tuple(sorted(begun, key=lambda term: term.first))
    present = next((term for term in terms if now <= term.last), None)
    usual = date.fromisoformat(present.first) if present else today - timedelta(USUAL_DAYS - 1)
    if query.first is None and query.last is None:
        return Range(usual, today, "", terms)
    last = query.last or max(today, query.first or today)
    weeks = max(date.min + timedelta(USUAL_DAYS), last) - timedelta(USUAL_DAYS - 1)
    first = query.first or weeks
    if first > last:
        problem = _("The first day is after the last one. Choose the days again.")
    elif (last - first).days >= LONGEST_DAYS:
        problem = _("These are more than two years. Choose fewer days.")
    else:
        return Range(first, last, "", terms)
    return Range(usual, today, problem, terms)
