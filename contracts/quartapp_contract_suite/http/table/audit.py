"""The rows of the audit; all need an administrator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from quartapp_contract_suite.http.matching import ID, NUMBER, TEXT, TIME, Like
from quartapp_contract_suite.http.scene import Scene
from quartapp_contract_suite.http.table.rows import Row, error, ok

if TYPE_CHECKING:
    from collections.abc import Callable

PATH = "/api/v1/admin/audit"
HASH = Like(r"[0-9a-f]{64}")
DAY = Like(r"\d{4}-\d{2}-\d{2}")
INVITED = {
    "_id": ID,
    "at": TIME,
    "action": "auth.invited",
    "who": "<admin_id>",
    "way": "client",
    "network": TEXT,
    "address": TEXT,
    "salt": TEXT,
    "seal": HASH,
    "about": {"invitation": ID},
    "before": {},
    "after": {"role": "teacher"},
    "day": DAY,
    "number": NUMBER,
    "previous": HASH,
    "hash": HASH,
}


def audit_rows() -> list[Row]:
    """Return the rows."""

    def row(
        case: str,
        query: str,
        status: int,
        body: Any,  # noqa: ANN401 - JSON
        given: Callable[[Scene], None] | None = None,
    ) -> Row:
        path = f"{PATH}?{query}"
        return Row(
            "listAudit", case, "GET", path, "admin", status, body, given=given, by_admin=True
        )

    invalid = error("Invalid request schema")
    by_admin = "action=auth.invited&who=<admin_id>&limit=1"
    return [
        row("the newest of a person and an action", by_admin, 200, ok([INVITED]), Scene.invite),
        row("of an action that there is not", "action=auth.forgotten", 200, ok([])),
        row("of a day before all", "day=1970-01-01", 200, ok([])),
        row("of nobody", "who=<missing>", 200, ok([])),
        row("behind an entry that there is not", "after=<missing>", 200, ok([])),
        row("limit 0", "limit=0", 400, invalid),
        row("limit 501", "limit=501", 400, invalid),
        row("after no id", "after=x", 400, invalid),
        row("who no id", "who=x", 400, invalid),
        row("day no day", "day=today", 400, invalid),
        row("action no name", "action=Invited", 400, invalid),
    ]
