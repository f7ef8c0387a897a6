"""A temporary database on disk, in which a set is compared with MongoDB's contents.

The memory that an import needs stays small however large the set is.
"""

from __future__ import annotations

import sqlite3
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quartapp import name_key
from quartapp_auth import username_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# Prefixes of tables: s_ is the set as read, d_ the database as it is, p_ the plan.
_SET = """
CREATE TABLE s_users (sid TEXT PRIMARY KEY, line INTEGER, state TEXT, name TEXT, email TEXT,
                      role TEXT, disabled INTEGER, org TEXT, username TEXT);
CREATE TABLE s_roles (sid TEXT PRIMARY KEY, line INTEGER, state TEXT, usr TEXT, role TEXT,
                      prim INTEGER, org TEXT);
CREATE INDEX s_roles_usr ON s_roles (usr);
CREATE TABLE s_classes (sid TEXT PRIMARY KEY, line INTEGER, state TEXT, title TEXT, code TEXT,
                        course TEXT, terms TEXT);
CREATE TABLE s_enrolments (sid TEXT PRIMARY KEY, line INTEGER, state TEXT, cls TEXT, usr TEXT,
                           role TEXT, prim INTEGER, begins TEXT, ends TEXT);
CREATE INDEX s_enrolments_cls ON s_enrolments (cls);
CREATE TABLE s_courses (sid TEXT PRIMARY KEY, line INTEGER, state TEXT, title TEXT);
CREATE TABLE s_terms (sid TEXT PRIMARY KEY, line INTEGER, state TEXT, title TEXT);
CREATE TABLE s_orgs (sid TEXT PRIMARY KEY, line INTEGER, state TEXT, title TEXT);
CREATE TABLE rejected (file TEXT, line INTEGER, sid TEXT, reason TEXT, stage TEXT);
CREATE TABLE skipped (file TEXT, reason TEXT, stage TEXT, n INTEGER);
-- Names that the database has refused: meanwhile, or still, another class has them.
CREATE TABLE clashed (sid TEXT, name TEXT);
"""
_DATABASE_AND_PLAN = """
-- One row for each sourcedId of an account, the first with "main"; "gone" people have left.
CREATE TABLE d_users (id BLOB, sid TEXT, main_sid TEXT, main INTEGER, email TEXT, role TEXT,
                      name TEXT, disabled INTEGER, username TEXT, contact TEXT, gone INTEGER,
                      vouched INTEGER);
CREATE INDEX d_users_id ON d_users (id);
CREATE INDEX d_users_sid ON d_users (sid);
CREATE TABLE d_classes (id BLOB PRIMARY KEY, sid TEXT, teacher BLOB, name TEXT) WITHOUT ROWID;
CREATE INDEX d_classes_sid ON d_classes (sid);
CREATE TABLE d_staff (cls BLOB, usr BLOB, until TEXT, PRIMARY KEY (cls, usr)) WITHOUT ROWID;
CREATE TABLE d_rolls (cls BLOB, usr BLOB, PRIMARY KEY (cls, usr)) WITHOUT ROWID;
CREATE TABLE d_enrolments (sid TEXT, cls TEXT, usr TEXT, role TEXT, prim INTEGER, begins TEXT,
                           ends TEXT, PRIMARY KEY (sid, cls, usr)) WITHOUT ROWID;
CREATE TABLE p_users (sid TEXT PRIMARY KEY, id BLOB, op TEXT, email TEXT, name TEXT, role TEXT,
                      disabled INTEGER, username TEXT, contact TEXT, gone INTEGER, main TEXT,
                      line INTEGER, before TEXT, taken INTEGER DEFAULT 0) WITHOUT ROWID;
CREATE INDEX p_users_id ON p_users (id);
CREATE TABLE p_emails (email TEXT PRIMARY KEY, id BLOB, role TEXT, open INTEGER, vouched INTEGER)
                      WITHOUT ROWID;
CREATE TABLE p_logins (key TEXT PRIMARY KEY, id BLOB) WITHOUT ROWID;
CREATE TABLE p_enrolments (sid TEXT, cls TEXT, usr TEXT, role TEXT, prim INTEGER, begins TEXT,
                           ends TEXT, line INTEGER, in_force INTEGER,
                           PRIMARY KEY (sid, cls, usr)) WITHOUT ROWID;
CREATE INDEX p_enrolments_cls ON p_enrolments (cls, role);
CREATE TABLE p_classes (sid TEXT PRIMARY KEY, id BLOB, op TEXT, name TEXT, teacher BLOB,
                        line INTEGER, before TEXT) WITHOUT ROWID;
CREATE INDEX p_classes_id ON p_classes (id);
CREATE TABLE p_names (teacher BLOB, name TEXT, cls BLOB, PRIMARY KEY (teacher, name)) WITHOUT ROWID;
CREATE TABLE p_teachers (cls TEXT PRIMARY KEY, id BLOB) WITHOUT ROWID;
CREATE TABLE p_staff (cls BLOB, usr BLOB, op TEXT, PRIMARY KEY (cls, usr)) WITHOUT ROWID;
CREATE TABLE p_wanted (cls BLOB, usr BLOB, line INTEGER, PRIMARY KEY (cls, usr)) WITHOUT ROWID;
CREATE TABLE p_rolls (cls BLOB, usr BLOB, op TEXT, line INTEGER, PRIMARY KEY (cls, usr))
                      WITHOUT ROWID;
"""
_REDONE = (
    *("d_users", "d_classes", "d_staff", "d_rolls", "d_enrolments"),
    *("p_users", "p_emails", "p_logins", "p_enrolments", "p_classes", "p_names"),
    *("p_teachers", "p_staff", "p_wanted", "p_rolls"),
)


class Store:
    """The temporary database.

    Args:
        path: File of the database.
    """

    def __init__(self, path: Path) -> None:
        # Only one thread at a time uses the connection, but not always the same one.
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        # The data is lost with the process anyway, so it need not survive a crash.
        self._connection.executescript(
            "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-32768;"
            "PRAGMA temp_store=FILE; PRAGMA locking_mode=EXCLUSIVE;" + _SET + _DATABASE_AND_PLAN
        )
        for name, function in (("name_key", name_key), ("login_key", username_key)):
            self._connection.create_function(name, 1, function, deterministic=True)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def forget_plan(self) -> None:
        """Delete the copy of the database and the plan, but keep the set."""
        self._connection.executescript(
            "".join(f"DROP TABLE {table};" for table in _REDONE) + _DATABASE_AND_PLAN
        )
        self.run("DELETE FROM rejected WHERE stage = 'plan'")
        self.run("DELETE FROM skipped WHERE stage = 'plan'")

    def run(self, statement: str, **values: object) -> int:
        """Execute a statement, and return the number of affected rows.

        Args:
            statement: The SQL statement.
            values: Values of the statement's named parameters.
        """
        return self._connection.execute(statement, values).rowcount

    def execute(self, statement: str, values: tuple[Any, ...]) -> int:  # Any: what SQLite stores
        """Execute a statement with positional values, and return the number of affected rows."""
        return self._connection.execute(statement, values).rowcount

    def add(self, table: str, rows: Iterable[tuple[Any, ...]]) -> None:  # Any: what SQLite stores
        """Insert rows.

        Args:
            table: Name of the table.
            rows: The rows, each in the order of the table's columns.
        """
        width: int = self.one(f"SELECT count(*) FROM pragma_table_info('{table}')")  # noqa: S608 - our own name
        marks = ", ".join("?" * width)
        self._connection.execute("BEGIN")
        self._connection.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)  # noqa: S608 - our own name
        self._connection.execute("COMMIT")

    def rows(self, query: str, **values: object) -> Iterator[tuple[Any, ...]]:  # Any: as above
        """Return the rows of a query, read one by one as they are needed.

        Args:
            query: The SQL query.
            values: Values of the query's named parameters.
        """
        return iter(self._connection.execute(query, values))

    def one(self, query: str, **values: object) -> Any:  # noqa: ANN401 - what SQLite stores
        """Return the first value of the first row; None when there is no row."""
        found = self._connection.execute(query, values).fetchone()
        return found[0] if found else None

    def reject(self, file: str, line: int, sid: str, reason: str, stage: str) -> None:
        """Note why a row is not imported."""
        self._connection.execute(
            "INSERT INTO rejected VALUES (?, ?, ?, ?, ?)", (file, line, sid, reason, stage)
        )

    def skip(self, file: str, reason: str, stage: str, count: int = 1) -> None:
        """Note rows that are of no concern here, without counting them as rejected."""
        if count:
            self._connection.execute(
                "INSERT INTO skipped VALUES (?, ?, ?, ?)", (file, reason, stage, count)
            )

    @contextmanager
    def together(self) -> Iterator[None]:
        """Write to disk once, at the end of the context; single writes are much slower."""
        self._connection.execute("BEGIN")
        yield
        self._connection.execute("COMMIT")


@contextmanager
def scratch() -> Iterator[Store]:
    """Open a store in a private temporary folder that is removed at the end."""
    with tempfile.TemporaryDirectory(prefix="quartapp-roster-") as folder:
        store = Store(Path(folder) / "roster.sqlite")
        try:
            yield store
        finally:
            store.close()
