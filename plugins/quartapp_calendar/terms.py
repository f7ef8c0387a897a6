"""The terms of the institution, of which no two have a day in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bson import ObjectId

from quartapp import object_id
from quartapp_calendar.audited import TERM_CHANGED, TERM_CREATED, TERM_DELETED
from quartapp_calendar.errors import (
    TermInUseError,
    TermNotFoundError,
    TermOverlapsError,
    TooManyError,
)
from quartapp_calendar.happenings import TermsChanged
from quartapp_calendar.lists import Lists
from quartapp_calendar.models import MEETINGS, TERMS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from quartapp import Database, Document, Plugins

MOST_TERMS = 500
LISTED = 100
# The ``_id`` of the one document.
_ALL = "all"


@dataclass(frozen=True, slots=True)
class Term:
    """A term.

    Attributes:
        id: ``_id`` of the term.
        name: Name of the term.
        first: First day, as a local date in ISO 8601.
        last: Last day, as a local date in ISO 8601.
    """

    id: ObjectId
    name: str
    first: str
    last: str


class Terms:
    """Makes, changes, deletes and finds terms.

    Args:
        database: The app's database.
        plugins: The plugins that receive events.
    """

    def __init__(self, database: Database, plugins: Plugins) -> None:
        self._database = database
        self._lists = Lists(database, plugins, TERMS)

    async def all(self) -> list[Term]:
        """Return all terms, sorted by ``_id``.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        found = await self._database.one(TERMS, {"_id": _ALL})
        terms = [] if found is None else [_term(document) for document in found["terms"]]
        return sorted(terms, key=lambda term: term.id)

    async def page(self, limit: int | None = None, after: str | None = None) -> list[Term]:
        """Return terms, sorted by ``_id``.

        Args:
            limit: Largest number of terms; None for ``LISTED``.
            after: ``_id`` behind which the list starts; None for the beginning.
        """
        key = None if after is None else ObjectId(after)
        behind = [term for term in await self.all() if key is None or term.id > key]
        return behind[: limit or LISTED]

    async def create(self, name: str, first: date, last: date) -> Term:
        """Make a term.

        Args:
            name: Name of the term, trimmed.
            first: First day.
            last: Last day.

        Raises:
            TermOverlapsError: The term has a day in common with another term.
            TooManyError: There are ``MOST_TERMS`` terms.
        """
        term = Term(ObjectId(), name, first.isoformat(), last.isoformat())
        apart = {"terms": {"$not": {"$elemMatch": _overlapping(term)}}}
        room = {f"terms.{MOST_TERMS - 1}": {"$exists": False}}
        await self._lists.begin(_ALL, "terms")
        changed = await self._lists.change(
            {"_id": _ALL, **apart, **room},
            {"$push": {"terms": _document(term)}},
            TermsChanged(str(term.id)),
            [TERM_CREATED.entry(about={"term": term.id}, after=_days(term))],
        )
        if changed:
            return term
        raise TooManyError if len(await self.all()) >= MOST_TERMS else TermOverlapsError

    async def change(self, term_id: str, name: str, first: date, last: date) -> Term:
        """Give a term another name and other days.

        Args:
            term_id: ``_id`` of the term.
            name: Name of the term, trimmed.
            first: First day.
            last: Last day.

        Raises:
            TermNotFoundError: There is no such term.
            TermOverlapsError: The term would have a day in common with another term.
        """
        before = await self.get(term_id)
        term = Term(before.id, name, first.isoformat(), last.isoformat())
        others = {"_id": {"$ne": term.id}, **_overlapping(term)}
        changed = await self._lists.change(
            {
                "_id": _ALL,
                "terms._id": term.id,
                "$nor": [{"terms": {"$elemMatch": others}}],
            },
            {"$set": {"terms.$[one]": _document(term)}},
            TermsChanged(str(term.id)),
            [TERM_CHANGED.entry(about={"term": term.id}, before=_days(before), after=_days(term))],
            filters=[{"one._id": term.id}],
        )
        if not changed:
            await self.get(term_id)
            raise TermOverlapsError
        return term

    async def delete(self, term_id: str) -> Term:
        """Delete a term in which no class meets.

        Args:
            term_id: ``_id`` of the term.

        Raises:
            TermNotFoundError: There is no such term.
            TermInUseError: Meetings of classes belong to the term.
        """
        term = await self.get(term_id)
        # A meeting that is added at this moment looks for its term once it is stored.
        if await self._database.one(MEETINGS, {"termId": term.id}, {"_id": 1}) is not None:
            raise TermInUseError
        changed = await self._lists.change(
            {"_id": _ALL, "terms._id": term.id},
            {"$pull": {"terms": {"_id": term.id}}},
            TermsChanged(str(term.id)),
            [TERM_DELETED.entry(about={"term": term.id}, before=_days(term))],
        )
        if not changed:
            raise TermNotFoundError
        return term

    async def get(self, term_id: str) -> Term:
        """Return a term.

        Args:
            term_id: ``_id`` of the term.

        Raises:
            TermNotFoundError: There is no such term.
        """
        key = object_id(term_id)
        for term in await self.all():
            if term.id == key:
                return term
        raise TermNotFoundError


def term_on(terms: Sequence[Term], day: date) -> Term | None:
    """Return the term that a day belongs to, or None.

    Args:
        terms: All terms.
        day: The day.
    """
    text = day.isoformat()
    return next((term for term in terms if term.first <= text <= term.last), None)


def _overlapping(term: Term) -> Document:
    return {"from": {"$lte": term.last}, "to": {"$gte": term.first}}


def _days(term: Term) -> dict[str, str]:
    return {"from": term.first, "to": term.last}


def _document(term: Term) -> Document:
    return {"_id": term.id, "name": term.name, **_days(term)}


def _term(document: Document) -> Term:
    return Term(document["_id"], document["name"], document["from"], document["to"])
