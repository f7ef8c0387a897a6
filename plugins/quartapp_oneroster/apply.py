"""The writing of a plan to the database, in an order that keeps the database consistent throughout.

Accounts are written first, so that every teacher and student exists before a class names them. Each
class's name, teacher and roll change in one write. Imported enrolments are added before the rolls
change and dropped after, so that every name that an import put on a roll has its enrolment. Every
write can be repeated.

Plugins hear of the events that the same changes by hand would cause. What they put into the outbox
is stored in the transaction of the batch, and so are the entries of the audit for accounts that are
taken over.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from bson import ObjectId

from quartapp_auth import AccountEntry, BulkAccounts, UserRegistered
from quartapp_classes import (
    BulkClasses,
    ClassChange,
    ClassChanged,
    ClassCreated,
    StudentAdded,
    StudentRemoved,
    TeachersChanged,
)
from quartapp_oneroster.audited import taken_over
from quartapp_oneroster.conflicts import Conflicts, through_conflicts
from quartapp_oneroster.enrolments import Enrolments
from quartapp_oneroster.rows import EnrolmentRow

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence

    from quartapp import AuditEntry, Core, Plugins
    from quartapp_oneroster.progress import Progress
    from quartapp_oneroster.runs import Run
    from quartapp_oneroster.store import Store

Record = tuple[Any, ...]  # Any: what SQLite stores
Item = TypeVar("Item")

ACCOUNTS_PER_WRITE = 1000
ENROLMENTS_PER_WRITE = 2000
CLASSES_PER_WRITE = 200
# A transaction that stores an entry for each event has to stay small.
EVENTS_PER_WRITE = 2000

_ACCOUNTS = """
SELECT p.op, p.id, p.email, p.name, p.role, p.main, p.disabled, p.username, p.contact, p.gone,
       p.taken,
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
# Each class to write, as it is to be and as it is, with one row for every name and co-teacher who
# is added or removed, or one row without anybody.
_CLASSES = f"""
SELECT c.id, c.sid, c.name, c.teacher, d.name, d.teacher, r.usr AS usr, r.op, 'roll', r.line AS line
FROM {_FOLLOWED} c LEFT JOIN d_classes d ON d.id = c.id LEFT JOIN p_rolls r ON r.cls = c.id
WHERE c.op IN ('new', 'changed') OR r.usr IS NOT NULL
UNION ALL
SELECT c.id, c.sid, c.name, c.teacher, d.name, d.teacher, s.usr, s.op, 'staff', 0
FROM {_FOLLOWED} c LEFT JOIN d_classes d ON d.id = c.id JOIN p_staff s ON s.cls = c.id
ORDER BY 1, line, usr
"""  # noqa: S608 - our own words


class OutdatedError(Exception):
    """A change of the database since it was read: the plan has to be made again."""


@dataclass(frozen=True, slots=True)
class Step(Generic[Item]):
    """A write, with the events that it causes, and with its entries for the audit."""

    item: Item
    events: Sequence[object] = ()
    audited: Sequence[AuditEntry] = ()


async def write(parts: Core, store: Store, run: Run, progress: Progress) -> None:
    """Write the plan in the store to the database.

    Args:
        parts: Parts of the app, with the open database and the plugins that hear of events.
        store: Store that contains the plan.
        run: Note of the import in the database, which records the progress.
        progress: Display of the progress.

    Raises:
        OutdatedError: The database refused a write. Earlier writes stay, and do no harm.
        DatabaseUnavailableError: MongoDB did not answer in time.
        HookFailedError: A plugin failed to say what it wants delivered.
    """
    accounts, classes = BulkAccounts(parts.database), BulkClasses(parts.database)
    enrolments = Enrolments(parts.database)

    async def save_accounts(batch: list[Step[AccountEntry]]) -> None:
        if await _save(parts.plugins, batch, accounts.save):
            raise OutdatedError

    async def save_classes(batch: list[Step[ClassChange]]) -> None:
        taken = await classes.taken([step.item for step in batch])
        for change in taken or await _save(parts.plugins, batch, classes.save):
            store.execute("INSERT INTO clashed VALUES (?, ?)", (change.sourced_id, change.name))
            taken = taken or [change]
        if taken:
            raise OutdatedError
        await classes.settle(parts.plugins, [step.item for step in batch])

    async def keep(batch: list[Step[EnrolmentRow]]) -> None:
        await enrolments.save([step.item for step in batch])

    async def drop(batch: list[Step[EnrolmentRow]]) -> None:
        await enrolments.drop([step.item for step in batch])

    steps: list[tuple[str, str, Callable[[Iterator[Record]], Iterator[Any]], int, Any]] = [
        ("accounts", _ACCOUNTS, _accounts, ACCOUNTS_PER_WRITE, save_accounts),
        ("enrolments", _KEPT, _enrolments, ENROLMENTS_PER_WRITE, keep),
        ("classes and rolls", _CLASSES, _changes, CLASSES_PER_WRITE, save_classes),
        ("enrolments that are over", _DROPPED, _enrolments, ENROLMENTS_PER_WRITE, drop),
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


async def _save(
    plugins: Plugins,
    batch: Sequence[Step[Item]],
    save: Callable[[Sequence[Item]], Awaitable[list[Item]]],
) -> list[Item]:
    """Save items together with the entries of outbox and audit, and tell plugins.

    Returns:
        The items that the database refused. If the batch is a transaction, nothing is written then.
    """
    items = [step.item for step in batch]
    changes = plugins.changes
    entries = await changes.entries([event for step in batch for event in step.events])

    def of_written(refused: list[Item]) -> list[AuditEntry]:
        return [one for step in batch if step.item not in refused for one in step.audited]

    audited = of_written if any(step.audited for step in batch) else ()
    is_transaction = changes.are_together(entries, audited)

    async def store(conflicts: Conflicts) -> list[Item]:
        async def change() -> list[Item]:
            with conflicts.noted():
                refused = await save(items)
            if refused and is_transaction:
                raise _RefusedError(refused)
            return refused

        return await changes.together(entries, change, audited=audited)

    try:
        refused = await through_conflicts(store)
    except _RefusedError as error:
        return error.items
    written = [step for step in batch if step.item not in refused]
    await plugins.on_events([event for step in written for event in step.events])
    return refused


class _RefusedError(Exception):
    """The end of a transaction of which the database refused a part."""

    def __init__(self, items: list[Any]) -> None:  # Any: accounts or classes
        super().__init__()
        self.items = items


def _accounts(rows: Iterator[Record]) -> Iterator[Step[AccountEntry]]:
    for op, key, email, name, role, sid, disabled, username, *more in rows:
        contact, gone, taken, others = more
        account = AccountEntry(
            *(ObjectId(key), email, name, role, sid, bool(disabled)),
            username=username,
            contact_email=contact,
            gone=bool(gone),
            taken_over=bool(taken),
            other_sourced_ids=tuple(others.split("\x1f")) if others else (),
        )
        yield Step(
            account,
            [UserRegistered(str(account.id), role)] if op == "new" else (),
            [taken_over(account.id)] if account.taken_over else (),
        )


def _enrolments(rows: Iterator[Record]) -> Iterator[Step[EnrolmentRow]]:
    for sid, class_id, user, role, primary, begin, end in rows:
        yield Step(EnrolmentRow(sid, False, class_id, user, role, bool(primary), begin, end))


def _changes(rows: Iterator[Record]) -> Iterator[Step[ClassChange]]:
    for (key, sid, name, teacher, *before), names in groupby(rows, key=lambda row: row[:6]):
        change = ClassChange(ObjectId(key), name, ObjectId(teacher), sid)
        lists = {
            ("roll", "add"): change.added,
            ("staff", "add"): change.teachers_added,
            ("staff", "remove"): change.teachers_removed,
        }
        for *_, user, op, kind, _line in names:
            if user is not None:
                lists.get((kind, op), change.removed).append(ObjectId(user))
        yield Step(change, list(_events(change, *before)))


def _events(change: ClassChange, name: str | None, teacher: bytes | None) -> Iterator[object]:
    """Yield what the same changes by hand would cause.

    Args:
        change: The change of a class.
        name: Name that the class has now; None for a new class.
        teacher: Id of the teacher whom the class has now; None for a new class.
    """
    class_id = str(change.id)
    if name is None:
        yield ClassCreated(class_id, str(change.teacher_id))
    elif name != change.name:
        yield ClassChanged(class_id)
    is_handed_over = teacher is not None and teacher != change.teacher_id.binary
    if is_handed_over or change.teachers_added or change.teachers_removed:
        yield TeachersChanged(class_id)
    for student in change.added:
        yield StudentAdded(class_id, str(student))
    for student in change.removed:
        yield StudentRemoved(class_id, str(student))


def _batches(steps: Iterable[Step[Item]], size: int) -> Iterator[list[Step[Item]]]:
    batch: list[Step[Item]] = []
    events = 0
    for step in steps:
        if batch and (len(batch) == size or events + len(step.events) > EVENTS_PER_WRITE):
            yield batch
            batch, events = [], 0
        batch.append(step)
        events += len(step.events)
    if batch:
        yield batch
