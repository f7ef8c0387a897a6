"""The plan for classes: which class each row is, with its teacher and its name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bson import ObjectId

from quartapp import name_key
from quartapp_oneroster.errors import RejectedError
from quartapp_oneroster.names import candidates, still_fits
from quartapp_oneroster.plan_users import KNOWN
from quartapp_oneroster.staging import ACTIVE, GONE

if TYPE_CHECKING:
    from quartapp_oneroster.store import Store

Record = tuple[Any, ...]  # Any: what SQLite stores

FILE = "classes.csv"

# The primary teacher; otherwise the present teacher of the class, otherwise the first in the file.
_TEACHERS = f"""
INSERT INTO p_teachers
SELECT cls, id FROM (
    SELECT e.cls AS cls, u.id AS id, row_number() OVER (
        PARTITION BY e.cls
        ORDER BY e.in_force DESC, e.prim DESC, coalesce(u.id <> d.teacher, 1),
                 e.begins IS NOT NULL, e.begins, e.sid) AS place
    FROM p_enrolments e
    JOIN p_users u ON u.sid = e.usr AND u.op IN {KNOWN}
    LEFT JOIN d_classes d ON d.sid = e.cls
    WHERE e.role = 'teacher')
WHERE place = 1
"""  # noqa: S608 - our own words
_QUERY = """
SELECT s.sid, s.line, s.state, coalesce(nullif(s.title, ''), nullif(c.title, ''), s.code),
       coalesce(s.code, ''), coalesce(s.terms, ''), d.id, d.teacher, d.name, t.id
FROM s_classes s
LEFT JOIN d_classes d ON d.sid = s.sid
LEFT JOIN s_courses c ON c.sid = s.course
LEFT JOIN p_teachers t ON t.cls = s.sid
ORDER BY s.line
"""
_OTHERS = """
SELECT d.sid, 0, 'other', d.name, '', '', d.id, d.teacher, d.name, t.id
FROM d_classes d LEFT JOIN p_teachers t ON t.cls = d.sid
WHERE d.sid IS NOT NULL AND d.sid NOT IN (SELECT sid FROM s_classes)
"""


@dataclass(slots=True)
class _Class:
    """A row of classes.csv, with the class of that ``sourcedId`` and the teacher by enrolment."""

    sid: str
    line: int
    state: str
    title: str | None
    code: str
    terms: str
    id: bytes | None
    owner: bytes | None
    name: str | None
    teacher: bytes | None


def plan_classes(store: Store, *, bulk: bool) -> None:
    """Fill ``p_classes`` with the classes whose rolls follow the set from now on.

    Args:
        store: Store with the set, the database, and the plans for people and enrolments.
        bulk: Whether classes.csv is complete, so that a missing class has ended.
    """
    with store.together():
        store.run(_TEACHERS)
        store.run("INSERT OR IGNORE INTO p_names SELECT teacher, name_key(name), id FROM d_classes")
        for row in store.rows(_QUERY):
            entry = _Class(*row)
            try:
                _plan(store, entry)
            except RejectedError as error:
                store.reject(FILE, entry.line, entry.sid, str(error), "plan")
        if not bulk:
            for row in list(store.rows(_OTHERS)):
                _plan(store, _Class(*row))


def _plan(store: Store, entry: _Class) -> None:
    if entry.state == GONE:
        return
    teacher = entry.teacher or entry.owner
    if entry.state != ACTIVE and entry.id is not None:
        # A class without a row, or with a rejected one, stays as it is, except for a change of
        # teachers.
        entry.title = entry.name
    elif entry.state != ACTIVE:
        return
    if not entry.title:
        raise RejectedError("title is empty, and so are the course's title and classCode")
    if teacher is None:
        raise RejectedError("no teacher is enrolled in it who can be imported")
    name = _name(store, entry, entry.title, teacher)
    key = entry.id or ObjectId().binary
    store.execute("INSERT OR IGNORE INTO p_names VALUES (?, ?, ?)", (teacher, name_key(name), key))
    told = []
    if entry.id is not None and name != entry.name:
        told.append(f"name {entry.name} → {name}")
    if entry.id is not None and teacher != entry.owner:
        told.append(f"teacher {_address(store, entry.owner)} → {_address(store, teacher)}")
    op = "new" if entry.id is None else ("changed" if told else "same")
    store.execute(
        "INSERT INTO p_classes VALUES (?, ?, ?, ?, ?, ?, ?)",
        (entry.sid, key, op, name, teacher, entry.line, "; ".join(told)),
    )


def _name(store: Store, entry: _Class, title: str, teacher: bytes) -> str:
    ids = [term for term in entry.terms.split("\n") if term]
    terms = [
        found
        for term in ids
        if (found := store.one("SELECT title FROM s_terms WHERE sid = :t AND title <> ''", t=term))
    ]
    possible = list(candidates(title, entry.code, terms, entry.sid))
    if entry.name is not None:
        # A delta set may lack the terms that were used to make a name.
        fits = entry.name in possible or (len(terms) < len(ids) and still_fits(entry.name, title))
        if fits and _is_free(store, entry, entry.name, teacher):
            return entry.name
    for name in possible:
        if _is_free(store, entry, name, teacher):
            return name
    raise RejectedError("the teacher has classes of every name that this one could have")


def _is_free(store: Store, entry: _Class, name: str, teacher: bytes) -> bool:
    holder = store.one(
        "SELECT cls FROM p_names WHERE teacher = :t AND name = :n", t=teacher, n=name_key(name)
    )
    if holder is not None and holder != entry.id:
        return False
    return not store.one(
        "SELECT 1 FROM clashed WHERE sid = :sid AND name = :name", sid=entry.sid, name=name
    )


def _address(store: Store, user: bytes | None) -> str:
    for query in (
        "SELECT coalesce(email, username) FROM d_users WHERE id = :id",
        "SELECT coalesce(email, username) FROM p_users WHERE id = :id",
    ):
        found: str | None = store.one(query, id=user)
        if found:
            return found
    return "nobody"
