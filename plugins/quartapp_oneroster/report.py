"""The texts of an import: the differences, the totals, and the rejected rows."""

from __future__ import annotations

import csv
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from quartapp_oneroster.errors import RosterError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from quartapp_oneroster.plan import Totals
    from quartapp_oneroster.store import Store

COLUMNS = ("file", "line", "sourcedId", "reason")

_USERS = {
    "new": "to add",
    "linked": "to link to accounts that have the address",
    "changed": "to change",
    "left": "that have left: they keep their account and cannot sign in",
    "also": "with another sourcedId of a teacher",
}
_CLASSES = {"new": "to add", "changed": "to change"}

_FILES = {
    "users.csv": "s_users",
    "classes.csv": "s_classes",
    "enrollments.csv": "s_enrolments",
}
_REJECTED = "SELECT file, line, sid, reason FROM rejected ORDER BY file, line"
_DIFFERENCE = {
    "accounts": """
        SELECT CASE op WHEN 'new' THEN '+' WHEN 'left' THEN '-' ELSE '~' END || ' ' || role || ' '
               || coalesce(email, username) || CASE op WHEN 'new' THEN ' (' || name || ')'
                                   WHEN 'left' THEN ': may not sign in any longer'
                                   WHEN 'linked' THEN ': an account of this address is here; it '
                                       || CASE WHEN taken THEN 'loses its password and tokens'
                                          ELSE 'keeps its password' END
                                       || CASE before WHEN '' THEN '' ELSE '; ' || before END
                                   ELSE ': ' || before END
        FROM p_users WHERE op IN ('new', 'linked', 'changed', 'left') ORDER BY line""",
    "classes": """
        SELECT CASE p.op WHEN 'new' THEN '+ ' || p.name || ' (' || u.known || ')'
                         ELSE '~ ' || p.name || ': ' || p.before END
        FROM p_classes p LEFT JOIN (SELECT id, min(coalesce(email, username)) AS known
                                    FROM p_users GROUP BY id) u ON u.id = p.teacher
        WHERE p.op IN ('new', 'changed') ORDER BY p.line""",
    "co-teachers": """
        SELECT CASE s.op WHEN 'add' THEN '+ ' ELSE '- ' END || 'co-teacher '
               || coalesce(
                   (SELECT min(coalesce(email, username)) FROM p_users WHERE id = s.usr),
                   (SELECT min(coalesce(email, username)) FROM d_users WHERE id = s.usr))
               || ' of ' || coalesce(pc.name, dc.name)
        FROM p_staff s
        LEFT JOIN p_classes pc ON pc.id = s.cls
        LEFT JOIN d_classes dc ON dc.id = s.cls
        ORDER BY s.cls, s.op, s.usr""",
    "names on rolls": """
        SELECT CASE r.op WHEN 'add' THEN '+ ' ELSE '- ' END
               || coalesce(pu.known, du.email, du.username) || ' in ' || coalesce(pc.name, dc.name)
        FROM p_rolls r
        LEFT JOIN (SELECT id, min(coalesce(email, username)) AS known
                   FROM p_users GROUP BY id) pu ON pu.id = r.usr
        LEFT JOIN d_users du ON du.id = r.usr AND du.main
        LEFT JOIN p_classes pc ON pc.id = r.cls
        LEFT JOIN d_classes dc ON dc.id = r.cls
        ORDER BY r.cls, r.op, r.line""",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What becomes of the rows of a file.

    Attributes:
        file: Name of the file.
        imported: Number of rows that the database agrees with after the import.
        rejected: Number of rejected rows.
    """

    file: str
    imported: int
    rejected: int

    def __str__(self) -> str:
        return f"{self.file}: {self.imported:,} rows imported, {self.rejected:,} rejected"


def difference(store: Store, limit: int) -> Iterator[str]:
    """Yield lines that show what would be added (+), changed (~) and removed (-).

    Args:
        store: Store with the plan.
        limit: Largest number of lines of each kind; 0 for no limit.
    """
    for kind, query in _DIFFERENCE.items():
        total: int = store.one(f"SELECT count(*) FROM ({query})")  # noqa: S608 - our own words
        shown = min(total, limit or total)
        for (line,) in store.rows(f"{query} LIMIT :n", n=shown):
            yield line
        if total > shown:
            yield f"… and {total - shown:,} more {kind}"


def sums(totals: Totals, store: Store) -> Iterator[str]:
    """Yield lines with the totals."""
    yield from _counted("accounts", totals.users, _USERS)
    taken = store.one("SELECT count(DISTINCT id) FROM p_users WHERE taken")
    if taken:
        yield f"{taken:,} accounts are taken over: their passwords and tokens end"
    by_username = store.one("SELECT count(*) FROM p_users WHERE op = 'new' AND email IS NULL")
    if by_username:
        yield (
            f"{by_username:,} accounts to add have no address of their own, and sign in with a "
            "username"
        )
    yield from _counted("classes", totals.classes, _CLASSES)
    yield f"rolls: {totals.roll['add']:,} names to add, {totals.roll['remove']:,} to remove"
    if totals.classes["over"]:
        yield f"{totals.classes['over']:,} imported classes are over; they stay, with no roll"
    if totals.later:
        yield (
            f"{totals.later:,} enrolments begin later; an import on that day or after it "
            "brings them on the rolls"
        )
    for file, reason, count in store.rows(
        "SELECT file, reason, sum(n) FROM skipped GROUP BY file, reason ORDER BY file, 3 DESC"
    ):
        yield f"{file}: {count:,} rows skipped, {reason}"


def rejected(store: Store, limit: int) -> Iterator[str]:
    """Yield lines that name the rejected rows, with the reasons.

    Args:
        store: Store with the rejected rows.
        limit: Largest number of lines.
    """
    total = count_rejected(store)
    for file, line, _, reason in store.rows(f"{_REJECTED} LIMIT :n", n=limit):
        yield f"{file}, line {line}: {reason}"
    if total > limit:
        yield f"… and {total - limit:,} more rows rejected; --report FILE has them all"


def outcome(store: Store) -> Iterator[Outcome]:
    """Yield what becomes of the rows of each file, skipped rows left out."""
    for file, table in _FILES.items():
        rejected = store.one(
            "SELECT count(DISTINCT line) FROM rejected WHERE file = :file", file=file
        )
        sound = store.one(
            f"""
            SELECT count(*) FROM {table} s WHERE state IN ('active', 'gone')
            AND NOT EXISTS (SELECT 1 FROM rejected r WHERE r.file = :file AND r.line = s.line)
            """,  # noqa: S608 - our own words
            file=file,
        )
        skipped = store.one(
            "SELECT coalesce(sum(n), 0) FROM skipped WHERE file = :file AND stage = 'plan'",
            file=file,
        )
        yield Outcome(file, sound - skipped, rejected)


def count_rejected(store: Store) -> int:
    """Return the number of rejected rows."""
    count: int = store.one("SELECT count(*) FROM rejected")
    return count


def write(store: Store, path: Path) -> None:
    """Write every rejected row to a CSV file, in a single step.

    Args:
        store: Store with the rejected rows.
        path: The file.

    Raises:
        RosterError: The file cannot be written.
    """
    try:
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", newline="", dir=path.parent, delete=False
        ) as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS)
            writer.writerows([_as_text(value) for value in row] for row in store.rows(_REJECTED))
        Path(file.name).replace(path)
    except OSError as error:
        raise RosterError(f"the report {path} cannot be written: {error.strerror}") from error


def check_writable(path: Path) -> None:
    """Check that a report can be written, before a long import starts.

    Args:
        path: File of the report.

    Raises:
        RosterError: The report cannot be written there.
    """
    if path.is_dir() or not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise RosterError(f"the report {path} cannot be written there")


def _counted(what: str, counts: dict[str, int], words: dict[str, str]) -> Iterator[str]:
    told = [f"{counts[op]:,} {text}" for op, text in words.items() if counts.get(op)]
    same = counts.get("same", 0)
    yield f"{what}: {'; '.join([*told, f'{same:,} as they are'])}"


def _as_text(value: object) -> object:
    # A spreadsheet takes a cell that begins like this for a formula, and runs it.
    is_formula = isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r"))
    return f"'{value}" if is_formula else value
