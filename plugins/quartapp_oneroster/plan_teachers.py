"""The plan for co-teachers: the teachers of a class beside the primary teacher."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quartapp_oneroster.plan_users import KNOWN

if TYPE_CHECKING:
    from quartapp_oneroster.store import Store

_WANTED = f"""
SELECT DISTINCT c.id AS cls, u.id AS usr
FROM p_enrolments e
JOIN p_classes c ON c.sid = e.cls
JOIN p_users u ON u.sid = e.usr AND u.op IN {KNOWN}
WHERE e.role = 'teacher' AND e.in_force AND u.id <> c.teacher
"""  # noqa: S608 - our own words
# A substitute of today becomes a co-teacher without an end.
_ADDED = f"""
INSERT INTO p_staff
SELECT w.cls, w.usr, 'add' FROM ({_WANTED}) w
WHERE NOT EXISTS (SELECT 1 FROM d_staff d
                  WHERE d.cls = w.cls AND d.usr = w.usr AND d.until IS NULL)
"""  # noqa: S608 - our own words
# As for rolls: an import takes off a class only co-teachers whom an import has put there.
_REMOVED = f"""
INSERT INTO p_staff
SELECT DISTINCT d.cls, d.usr, 'remove'
FROM d_enrolments e
JOIN d_classes c ON c.sid = e.cls
JOIN d_users u ON u.sid = e.usr
JOIN d_staff d ON d.cls = c.id AND d.usr = u.id
LEFT JOIN ({_WANTED}) w ON w.cls = d.cls AND w.usr = d.usr
WHERE e.role = 'teacher' AND w.cls IS NULL
"""  # noqa: S608 - our own words


def plan_teachers(store: Store) -> None:
    """Fill ``p_staff`` with the co-teachers to add and to remove.

    Args:
        store: Store with the set, the database, and the plans for people, enrolments and classes.
    """
    store.run(_ADDED)
    store.run(_REMOVED)
