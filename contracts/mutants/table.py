"""The table of mistakes in the documentation: what each is, and which test catches it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mutants.running import Outcome

BEGIN, END = "<!-- outcomes -->", "<!-- end of outcomes -->"
NOTHING = "(nothing)"
HEAD = ("| patch | mistake | caught by | seconds |", "|---|---|---|--:|")


def table(outcomes: Sequence[Outcome]) -> dict[str, str]:
    """Return the row of each outcome by the name of its patch.

    Args:
        outcomes: The outcomes.
    """
    return {outcome.mutant.name: _row(outcome) for outcome in outcomes}


def caught(path: Path) -> set[str]:
    """Return the names of the patches that a page says are caught.

    Args:
        path: The page.
    """
    rows = path.read_text(encoding="utf-8").splitlines()
    return {row.split("`")[1] for row in rows if row.startswith("| `") and NOTHING not in row}


def merged(path: Path, rows: dict[str, str]) -> None:
    """Write rows into the table of a page, in the place of those of the same patches.

    Args:
        path: The page, which has the marks of the table's beginning and end.
        rows: Rows by the name of the patch.
    """
    text = path.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    old, _, after = rest.partition(END)
    kept = {row.split("`")[1]: row for row in old.splitlines() if row.startswith("| `")}
    lines = [row for _, row in sorted({**kept, **rows}.items())]
    path.write_text(
        "\n".join([f"{before}{BEGIN}", "", *HEAD, *lines, "", f"{END}{after}"]), encoding="utf-8"
    )


def _row(outcome: Outcome) -> str:
    mutant = outcome.mutant
    test = NOTHING if outcome.caught_by is None else f"`{_short(outcome.caught_by)}`"
    cells = f"`{mutant.name}`", mutant.mistake, test, f"{outcome.seconds:.0f}"
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _short(test: str) -> str:
    """Return the name of a test without what is drawn anew in each run."""
    return re.sub(r"[0-9a-f]{24,}", "…", test)
