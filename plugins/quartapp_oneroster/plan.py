"""The plan of an import: the writes that bring the database to the set, and the rejected rows.

Each run makes the plan anew from the current database. A stopped import is therefore continued by
making the plan again: what has been written is no longer a difference.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from quartapp_oneroster.plan_classes import plan_classes
from quartapp_oneroster.plan_teachers import plan_teachers
from quartapp_oneroster.plan_users import KNOWN, plan_users

if TYPE_CHECKING:
    from quartapp_oneroster.store import Store

FILE = "enrollments.csv"

# Reason why a named person or class cannot be used, from the row that describes them.
_USER_REASON = """
CASE WHEN u.state IN ('bad', 'active') THEN 'user ' || e.usr || ' was rejected (users.csv, line '
                                             || u.line || ')'
     WHEN u.state = 'gone' THEN 'user ' || e.usr || ' is marked as deleted (users.csv, line '
                                || u.line || ')'
     WHEN (SELECT max(gone) FROM d_users WHERE sid = e.usr) THEN 'user ' || e.usr
          || ' has left, and comes back with a row of users.csv that is active'
     ELSE 'user ' || e.usr || :where_users END
"""
_CLASS_REASON = """
CASE WHEN c.state IN ('bad', 'active') THEN 'class ' || e.cls
                                            || ' was rejected (classes.csv, line ' || c.line || ')'
     WHEN c.state = 'gone' THEN 'class ' || e.cls || ' is marked as deleted (classes.csv, line '
                                || c.line || ')'
     ELSE 'class ' || e.cls || :where_classes END
"""


@dataclass(frozen=True, slots=True)
class Totals:
    """The amount of change in a plan.

    Attributes:
        users: Number of accounts that are new, changed, linked, left or same.
        classes: Number of classes that are new, changed, same or over.
        roll: Number of names to put on rolls (add) or take off them (remove).
        later: Number of enrolments that are not yet in force.
        stored_enrolments: Number of imported enrolments of students in force before this import.
        absent: Number of names that leave rolls although no row of the set says so: a complete file
            lacks the enrolment, its class or its person.
    """

    users: dict[str, int]
    classes: dict[str, int]
    roll: dict[str, int]
    later: int
    stored_enrolments: int
    absent: int


def make(modes: dict[str, str], store: Store, today: str, *, take_over: bool = False) -> Totals:
    """Plan everything, and return the totals.

    Args:
        modes: ``bulk``, ``delta`` or ``absent`` for each file.
        store: Store with the rows of the set and of the database.
        today: ISO date for which the rolls are made.
        take_over: Whether people get the accounts that somebody has registered with their address.
    """
    plan_users(store, bulk=modes["users"] == "bulk", take_over=take_over)
    with store.together():
        _enrolments(modes, store, today)
    plan_classes(store, bulk=modes["classes"] == "bulk")
    with store.together():
        _drop_lost(modes, store)
        plan_teachers(store)
        _rolls(store, today)
    return _totals(store, today)


def _enrolments(modes: dict[str, str], store: Store, today: str) -> None:
    mode = modes["enrollments"]
    # Earlier imports stay in force where the set has no such file, and where its row is rejected.
    kept = {
        "bulk": "sid IN (SELECT sid FROM s_enrolments WHERE state = 'bad')",
        "delta": "sid NOT IN (SELECT sid FROM s_enrolments WHERE state <> 'bad')",
        "absent": "1",
    }[mode]
    store.run(
        f"""
        INSERT INTO p_enrolments
        SELECT sid, cls, usr, role, prim, begins, ends, NULL, coalesce(begins, '') <= :today
        FROM d_enrolments WHERE {kept} AND (ends IS NULL OR ends > :today)
        """,  # noqa: S608 - our own words
        today=today,
    )
    _count_skipped(store, today)
    where = " is not in users.csv" if modes["users"] == "bulk" else " is not known"
    store.run(
        f"""
        INSERT INTO rejected
        SELECT '{FILE}', e.line, e.sid, {_USER_REASON}, 'plan'
        FROM s_enrolments e
        LEFT JOIN p_users p ON p.sid = e.usr AND p.op IN {KNOWN}
        LEFT JOIN s_users u ON u.sid = e.usr
        WHERE e.state = 'active' AND (e.ends IS NULL OR e.ends > :today)
              AND p.sid IS NULL AND coalesce(u.state, '') <> 'skipped'
        """,  # noqa: S608 - our own words
        today=today,
        where_users=where,
    )
    store.run(
        f"""
        INSERT INTO rejected
        SELECT '{FILE}', e.line, e.sid,
               coalesce(p.email, p.username) || ' is a ' || p.role
               || ', and cannot be enrolled as a ' || e.role, 'plan'
        FROM s_enrolments e JOIN p_users p ON p.sid = e.usr AND p.op IN {KNOWN}
        WHERE e.state = 'active' AND (e.ends IS NULL OR e.ends > :today) AND p.role <> e.role
        """,  # noqa: S608 - our own words
        today=today,
    )
    store.run(
        f"""
        INSERT OR REPLACE INTO p_enrolments
        SELECT e.sid, e.cls, e.usr, e.role, e.prim, e.begins, e.ends, e.line,
               coalesce(e.begins, '') <= :today
        FROM s_enrolments e JOIN p_users p ON p.sid = e.usr AND p.op IN {KNOWN}
        WHERE e.state = 'active' AND (e.ends IS NULL OR e.ends > :today) AND p.role = e.role
        """,  # noqa: S608 - our own words
        today=today,
    )


def _count_skipped(store: Store, today: str) -> None:
    store.skip(
        FILE,
        "endDate has passed",
        "plan",
        store.one(
            "SELECT count(*) FROM s_enrolments WHERE state = 'active' AND ends <= :today",
            today=today,
        ),
    )
    store.skip(
        FILE,
        "of people with other roles",
        "plan",
        store.one(
            """
            SELECT count(*) FROM s_enrolments e JOIN s_users u ON u.sid = e.usr
            WHERE e.state = 'active' AND u.state = 'skipped'
                  AND (e.ends IS NULL OR e.ends > :today)
            """,
            today=today,
        ),
    )


def _drop_lost(modes: dict[str, str], store: Store) -> None:
    """Drop enrolments in unknown classes or of unknown people."""
    where = " is not in classes.csv" if modes["classes"] == "bulk" else " is not known"
    store.run(
        f"""
        INSERT INTO rejected
        SELECT '{FILE}', e.line, e.sid, {_CLASS_REASON}, 'plan'
        FROM p_enrolments e LEFT JOIN s_classes c ON c.sid = e.cls
        WHERE e.line IS NOT NULL AND e.cls NOT IN (SELECT sid FROM p_classes)
        """,  # noqa: S608 - our own words
        where_classes=where,
    )
    store.run(
        f"""
        DELETE FROM p_enrolments WHERE cls NOT IN (SELECT sid FROM p_classes)
            OR usr NOT IN (SELECT sid FROM p_users WHERE op IN {KNOWN})
        """  # noqa: S608 - our own words
    )


def _rolls(store: Store, today: str) -> None:
    store.run(
        """
        INSERT INTO p_wanted
        SELECT c.id, u.id, min(coalesce(e.line, 0))
        FROM p_enrolments e JOIN p_classes c ON c.sid = e.cls JOIN p_users u ON u.sid = e.usr
        WHERE e.role = 'student' AND e.in_force GROUP BY c.id, u.id
        """
    )
    store.run(
        """
        INSERT INTO p_rolls
        SELECT w.cls, w.usr, 'add', w.line FROM p_wanted w
        WHERE NOT EXISTS (SELECT 1 FROM d_rolls r WHERE r.cls = w.cls AND r.usr = w.usr)
        """
    )
    # An import takes off a roll only students whom an import put there, and never those of a
    # teacher. A row that says so ends an enrolment, marks one of the three as deleted, or moves the
    # enrolment; a row whose class or person is not in the set says nothing.
    store.run(
        """
        INSERT INTO p_rolls
        SELECT c.id, u.id,
               CASE WHEN max(coalesce(e.ends <= :today, 0) OR coalesce(s.ends <= :today, 0)
                             OR coalesce(s.begins > :today, 0) OR coalesce(s.state = 'gone', 0)
                             OR coalesce(s.cls <> e.cls OR s.usr <> e.usr OR s.role <> e.role, 0)
                             OR coalesce(sc.state = 'gone', 0)
                             OR coalesce(su.state IN ('gone', 'skipped'), 0))
                    THEN 'remove' ELSE 'absent' END, NULL
        FROM d_enrolments e
        JOIN d_classes c ON c.sid = e.cls
        JOIN d_users u ON u.sid = e.usr
        JOIN d_rolls r ON r.cls = c.id AND r.usr = u.id
        LEFT JOIN s_enrolments s ON s.sid = e.sid
        LEFT JOIN s_classes sc ON sc.sid = e.cls
        LEFT JOIN s_users su ON su.sid = e.usr
        WHERE e.role = 'student'
              AND NOT EXISTS (SELECT 1 FROM p_wanted w WHERE w.cls = c.id AND w.usr = u.id)
        GROUP BY c.id, u.id
        """,
        today=today,
    )


def _totals(store: Store, today: str) -> Totals:
    classes = dict(store.rows("SELECT op, count(*) FROM p_classes GROUP BY op"))
    classes["over"] = store.one(
        """
        SELECT count(*) FROM d_classes
        WHERE sid IS NOT NULL AND sid NOT IN (SELECT sid FROM p_classes)
        """
    )
    roll = dict(store.rows("SELECT op, count(*) FROM p_rolls GROUP BY op"))
    absent = roll.get("absent", 0)
    return Totals(
        users=dict(store.rows("SELECT op, count(*) FROM p_users GROUP BY op")),
        classes=classes,
        roll={"add": roll.get("add", 0), "remove": roll.get("remove", 0) + absent},
        later=store.one("SELECT count(*) FROM p_enrolments WHERE NOT in_force"),
        stored_enrolments=store.one(
            """
            SELECT count(*) FROM d_enrolments
            WHERE role = 'student' AND coalesce(begins, '') <= :today
                  AND (ends IS NULL OR ends > :today)
            """,
            today=today,
        ),
        absent=absent,
    )
