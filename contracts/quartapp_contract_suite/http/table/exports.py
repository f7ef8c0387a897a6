"""The rows for registers and reports as files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quartapp_contract_suite.http.scene import Scene
from quartapp_contract_suite.http.table.classes import owned
from quartapp_contract_suite.http.table.rows import HTML_TYPE, Row, error

if TYPE_CHECKING:
    from collections.abc import Mapping

INVALID = error("Invalid request schema")
# Of each kind of file: the headers, and what it begins with. A server may be installed without what
# writes XLSX files.
FILES: Mapping[str, tuple[Mapping[str, str], str]] = {
    "csv": ({"content-type": "text/csv; charset=utf-8"}, "\ufeffStudent,Student ID"),
    "html": (HTML_TYPE, "<!doctype html>"),
}


def export_rows() -> list[Row]:
    """Return the rows."""
    return [
        row
        for kind in ("register", "report")
        for ending in ("csv", "xlsx", "html")
        for row in _rows(kind, ending)
    ]


def _rows(kind: str, ending: str) -> list[Row]:
    name = f"get{kind.title()}{ending.title()}"
    path = f"/api/v1/class/<class>/{kind}.{ending}"

    def refused(case: str, query: str) -> Row:
        return Row(name, case, "GET", path + query, "teacher", 400, INVALID)

    return [
        *(
            Row(name, "one session", "GET", path, "teacher", 200, begin, ..., Scene.hold, headers)
            for of, (headers, begin) in FILES.items()
            if of == ending
        ),
        refused("a range that ends before it begins", "?from=2026-01-02&to=2026-01-01"),
        refused("a hundred years", "?from=1926-01-02&to=2026-01-01"),
        *owned(name, "GET", path),
    ]
