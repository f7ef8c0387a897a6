"""The writing of a plan to the database, in an order that keeps the database consistent throughout.

Accounts are written first, so that every teacher and student exists before a class names them. Each
class's name, teacher and roll change in one write. Imported enrolments are added before the rolls
change and dropped after, so that every name that an import put on a roll has its enrolment. Every
write can be repeated.
"""

from __future__ import annotations

from itertools import groupby, islice
from typing import TYPE_CHECKING, Any, TypeVar

from bson import ObjectId

from quartapp_auth import AccountEntry, BulkAccounts
from quartapp_classes import BulkClasses, ClassChange
from quartapp_oneroster.enrolments import Enrolments
from quartapp_oneroster.rows import EnrolmentRow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from quartapp import Database
    from quartapp_oneroster.progress import Progress
    from quartapp_oneroster.runs import Run
    from quartapp_oneroster.store import Store

Record = tuple[Any, ...]  # Any: what SQLite stores
Item = TypeVar("Item")

ACCOUNTS_PER_WRITE = 1000
ENROLMENTS_PER_WRITE = 2000
CLASSES_PER_WRITE = 200

_ACCOUNTS = """
SELECT p.id, p.email, p.name, p.role, p.main, p.disabled, p.username, p.contact, p.gone,
       (SELECT group_concat(sid, char(31)) FROM (
            SELECT sid FROM p_users WHERE id = p.id
            UNION SELECT sid FROM d_users WHERE id = p.id AND NOT main) WHERE sid <> p.main)
FROM p_users p WHERE p.op IN ('new', 'changed', 'linked', 'left') ORDER BY p.line
"""
_KEPT = """
SELECT p.sid, p.cls, p.usr, p.role, p.prim, p.begins, p.ends FROM p_enrolments p
LEFT JOIN d_enrolments d ON d.sid = p.sid AND d.cls = p.cls AND d.usr = p.usr
WHERE d.sid IS NULL OR d.role <> p.role OR d.prim <> p.prim
      OR d.begins IS NOT p.begins OR d.ends IS NOT p.ends
"""
_DROPPED = """
SELECT d.sid, d.cls, d.usr, d.role, d.prim, d.begins, d.ends FROM d_enrolments d
LEFT JOIN p_enrolments p ON p.sid = d.sid AND p.cls = d.cls AND p.usr = d.usr
WHERE p.sid IS NULL
"""
_FOLLOWED = """(
    SELECT id, sid, name, teacher, op FROM p_classes
    UNION ALL
    SELECT id, sid, name, teacher, 'over' FROM d_classes
    WHERE sid IS NOT NULL AND sid NOT IN (SELECT sid FROM p_classes))"""
# Each class to write, with one row for every name and co-teacher who is added or removed, or one
# row without anybody.
_CLASSES = f"""
SELECT c.id, c.sid, c.name, c.teacher, r.usr AS usr, r.op, 'roll', r.line AS line
FROM {_FOLLOWED} c LEFT JOIN p_rolls r ON r.cls = c.id
WHERE c.op IN ('new', 'changed') OR r.usr IS NOT NULL
UNION ALL
SELECT c.id, c.sid, c.name, c.teacher, s.usr, s.op, 'staff', 0
FROM {_FOLLOWED} c JOIN p_staff s ON s.cls = c.id
ORDER BY 1, line, usr
"""  # noqa: S608 - our own words


class OutdatedError(Exception):
    """A change of the database since it was read: the plan has to be made again."""


async def write(database: Database, store: Store, run: Run, progress: Progress) -> None:
    """Write the plan in the store to the database.

    Args:
        database: The database, open.
        store: Store that contains the plan.
        run: Note of the import in the database, which records the progress.
        progress: Display of the progress.

    Raises:
        OutdatedError: The database refused a write. Earlier writes stay, and do no harm.
        DatabaseUnavailableError: MongoDB did not answer in time.
    """
    accounts, classes = BulkAccounts(database), BulkClasses(database)
    enrolments = Enrolments(database)

    async def save_accounts(batch: list[AccountEntry]) -> None:
        if await accounts.save(batch):
            raise OutdatedError

    async def save_classes(batch: list[ClassChange]) -> None:
        refused = await classes.save(batch)
        for change in refused:
            store.execute("INSERT INTO clashed VALUES (?, ?)", (change.sourced_id, change.name))
        if refused:
            raise OutdatedError

    steps: list[tuple[str, str, Callable[[Iterator[Record]], Iterator[Any]], int, Any]] = [
        ("accounts", _ACCOUNTS, _accounts, ACCOUNTS_PER_WRITE, save_accounts),
        ("enrolments", _KEPT, _enrolments, ENROLMENTS_PER_WRITE, enrolments.save),
        ("classes and rolls", _CLASSES, _changes, CLASSES_PER_WRITE, save_classes),
        ("enrolments that are over", _DROPPED, _enrolments, ENROLMENTS_PER_WRITE, enrolments.drop),
    ]
    for name, query, parse, size, save in steps:
        what = "DISTINCT id" if parse is _changes else "*"
        total = store.one(f"SELECT count({what}) FROM ({query})")  # noqa: S608 - our own words
        with progress.phase(f"Writing {name}", total):
            await run.enter(name, total)
            for batch in _batches(parse(store.rows(query)), size):
                await save(batch)
                await run.advance(len(batch))
                progress.advance(len(batch))


def _accounts(rows: Iterator[Record]) -> Iterator[AccountEntry]:
    for key, email, name, role, sid, disabled, username, contact, gone, others in rows:
        yield AccountEntry(
            *(ObjectId(key), email, name, role, sid, bool(disabled)),
            username=username,
            contact_email=contact,
            gone=bool(gone),
            other_sourced_ids=tuple(others.split("\x1f")) if others else (),
        )


def _enrolments(rows: Iterator[Record]) -> Iterator[EnrolmentRow]:
    for sid, class_id, user, role, primary, begin, end in rows:
        yield EnrolmentRow(sid, False, class_id, user, role, bool(primary), begin, end)


def _changes(rows: Iterator[Record]) -> Iterator[ClassChange]:
    for (key, sid, name, teacher), names in groupby(rows, key=lambda row: row[:4]):
        change = ClassChange(ObjectId(key), name, ObjectId(teacher), sid)
        lists = {
            ("roll", "add"): change.added,
            ("staff", "add"): change.teachers_added,
            ("staff", "remove"): change.teachers_removed,
        }
        for *_, user, op, kind, _line in names:
            if user is not None:
                lists.get((kind, op), change.removed).append(ObjectId(user))
        yield change


def _batches(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
