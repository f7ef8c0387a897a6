"""The reading of a set into the store, row by row, with the reasons for rejected rows."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from quartapp_oneroster import rows
from quartapp_oneroster.errors import RejectedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from quartapp_oneroster.package import Package
    from quartapp_oneroster.progress import Progress
    from quartapp_oneroster.store import Store
    from quartapp_oneroster.table import Row, Table

Record = tuple[Any, ...]  # Any: what SQLite stores
Staged = tuple[str, Record]

ACTIVE, GONE, SKIPPED, BAD = "active", "gone", "skipped", "bad"

_STAGE = "read"
_ROWS_PER_WRITE = 5000


def stage(package: Package, store: Store, today: str, progress: Progress) -> None:
    """Read a package into the store.

    Args:
        package: The set.
        store: Store that receives the rows.
        today: ISO date; roles that are not in force on that day do not count.
        progress: Display of the progress.

    Raises:
        RosterError: A file cannot be read at all.
    """

    def role(row: Row, *, delta: bool) -> Staged:
        record = rows.role_row(row, delta=delta)
        in_force = (record.begin or "") <= today and (record.end is None or record.end > today)
        state = GONE if record.gone or not in_force else ACTIVE
        return state, (record.user, record.role, record.primary, record.org)

    users = rows.USER_COLUMNS_1_1 if package.version == "1.1" else rows.USER_COLUMNS_1_2
    plan: list[tuple[str, str, tuple[str, ...], Callable[..., Staged]]] = [
        ("orgs", "s_orgs", rows.ORG_COLUMNS, _titled),
        ("academicSessions", "s_terms", rows.TITLED_COLUMNS, _titled),
        ("courses", "s_courses", rows.TITLED_COLUMNS, _titled),
        ("users", "s_users", users, _user),
        ("roles", "s_roles", rows.ROLE_COLUMNS, role),
        ("classes", "s_classes", rows.CLASS_COLUMNS, _class),
        ("enrollments", "s_enrolments", rows.ENROLMENT_COLUMNS, _enrolment),
    ]
    present = [entry for entry in plan if package.has(entry[0])]
    with progress.phase("Reading the set", sum(package.size(entry[0]) for entry in present)):
        for file, table, columns, parse in present:
            reader = _Reader(store, package.table(file, columns), table, progress)
            reader.read(parse, delta=package.modes[file] == "delta")
    if package.has("users") and package.version == "1.2":
        _resolve_roles(store)


class _Reader:
    """A reader of one file into one table."""

    def __init__(self, store: Store, source: Table, table: str, progress: Progress) -> None:
        self._store = store
        self._source = source
        self._target = table
        self._progress = progress
        self._width = store.one("SELECT count(*) FROM pragma_table_info(:t)", t=table) - 3

    def read(self, parse: Callable[..., Staged], *, delta: bool) -> None:
        """Read the whole file.

        Args:
            parse: Function that turns a row into a record.
            delta: Whether the file has changes only.
        """
        batch: list[Record] = []
        told = 0
        for record in self._records(parse, delta=delta):
            batch.append(record)
            if len(batch) == _ROWS_PER_WRITE:
                self._write(batch)
                batch = []
                self._progress.advance(self._source.bytes_read - told)
                told = self._source.bytes_read
        self._write(batch)
        self._progress.advance(self._source.bytes_read - told)

    def _records(self, parse: Callable[..., Staged], *, delta: bool) -> Iterator[Record]:
        skipped: Counter[str] = Counter()
        for line, row, whole in self._source:
            sid = row["sourcedId"]
            try:
                if not whole:
                    raise RejectedError("the row has not as many values as the file has columns")
                state, values = parse(row, delta=delta)
            except RejectedError as error:
                self._reject(line, sid, str(error))
                # The row is kept, so that its sourcedId does not count as missing from the set.
                state, values = BAD, (None,) * self._width
            if state == SKIPPED:
                skipped[f"role {row['role'].lower()}"] += 1
            if sid:
                yield (sid, line, state, *values)
        for reason, count in skipped.items():
            self._store.skip(self._source.name, reason, _STAGE, count)

    def _write(self, batch: list[Record]) -> None:
        with self._store.together():
            for record in batch:
                marks = ", ".join("?" * len(record))
                statement = f"INSERT OR IGNORE INTO {self._target} VALUES ({marks})"  # noqa: S608 - our own name
                if self._store.execute(statement, record):
                    continue
                first = self._store.one(
                    f"SELECT line FROM {self._target} WHERE sid = :sid",  # noqa: S608 - our own name
                    sid=record[0],
                )
                if record[2] != BAD:
                    self._reject(record[1], record[0], f"sourcedId is that of line {first} already")

    def _reject(self, line: int, sid: str, reason: str) -> None:
        self._store.reject(self._source.name, line, sid, reason, _STAGE)


def _titled(row: Row, *, delta: bool) -> Staged:
    record = rows.titled_row(row, delta=delta)
    return (GONE if record.gone else ACTIVE), (record.title,)


def _user(row: Row, *, delta: bool) -> Staged:
    record = rows.user_row(row, delta=delta)
    values = (record.name, record.email, record.role, record.disabled, record.org, record.username)
    if record.gone:
        return GONE, values
    ours = record.role is None or record.role in rows.OUR_ROLES
    return (ACTIVE if ours else SKIPPED), values


def _class(row: Row, *, delta: bool) -> Staged:
    record = rows.class_row(row, delta=delta)
    values = (record.title, record.code, record.course, "\n".join(record.terms))
    return (GONE if record.gone else ACTIVE), values


def _enrolment(row: Row, *, delta: bool) -> Staged:
    record = rows.enrolment_row(row, delta=delta)
    values = (
        *(record.class_id, record.user, record.role, record.primary),
        *(record.begin, record.end),
    )
    if record.gone:
        return GONE, values
    return (ACTIVE if record.role in rows.OUR_ROLES else SKIPPED), values


def _resolve_roles(store: Store) -> None:
    """Give each person (1.2) the one role that an account has.

    The primary role counts; among several, the one at the primary organisation counts first, and
    then teacher before student. A person whose primary role is unknown here (a principal, say) may
    still teach by a secondary one.
    """
    store.run(
        """
        UPDATE s_users SET role = (
            SELECT role FROM (
                SELECT r.role AS role, r.role NOT IN ('teacher', 'student') AS other,
                       NOT r.prim AS secondary, r.org <> s_users.org AS elsewhere
                FROM s_roles r WHERE r.usr = s_users.sid AND r.state = 'active')
            ORDER BY other, secondary, elsewhere, role = 'student' LIMIT 1)
        WHERE state = 'active'
        """
    )
    for role, count in list(
        store.rows(
            """
            SELECT role, count(*) FROM s_users
            WHERE state = 'active' AND role NOT IN ('teacher', 'student') GROUP BY role
            """
        )
    ):
        store.skip("users.csv", f"role {role}", _STAGE, count)
    store.run(
        """
        UPDATE s_users SET state = 'skipped'
        WHERE state = 'active' AND role NOT IN ('teacher', 'student')
        """
    )
