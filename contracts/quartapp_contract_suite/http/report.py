"""The number of HTTP cases, in the test's report and in a table at the end of the run."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from quartapp.testing.fuzz import Outcome

PREFIX = "http cases"
SECONDS = "http seconds"


def record(outcome: Outcome, role: str, record_property: Callable[[str, object], None]) -> None:
    """Add the counts and the seconds of a fuzz to the test's report.

    Args:
        outcome: Outcome of the fuzz.
        role: Role of the person for whom requests were made, or "nobody".
        record_property: The fixture of pytest.
    """
    for operation, count in sorted(outcome.counts.items()):
        record_property(f"{PREFIX}: {operation} by {role}", count)
    record_property(SECONDS, round(outcome.seconds, 1))


def summary_lines(properties: Iterable[tuple[str, object]]) -> list[str]:
    """Return the lines for the end of a run: a table of operations and roles, or no lines.

    Args:
        properties: ``user_properties`` of all reports of the run.
    """
    cells: Counter[tuple[str, str]] = Counter()
    seconds = 0.0
    for name, value in properties:
        if name.startswith(f"{PREFIX}: "):
            operation, _, role = name.removeprefix(f"{PREFIX}: ").rpartition(" by ")
            cells[operation, role] += int(str(value))
        elif name == SECONDS:
            seconds += float(str(value))
    if not cells:
        return []
    roles = list(dict.fromkeys(role for _, role in cells))
    operations = sorted({operation for operation, _ in cells})
    lines = ["".join(f"{role:>10}" for role in roles) + "  HTTP cases"]
    lines += [
        "".join(f"{cells[operation, role]:>10,}" for role in roles) + f"  {operation}"
        for operation in operations
    ]
    sums = "".join(f"{sum(n for (_, r), n in cells.items() if r == role):>10,}" for role in roles)
    return [*lines, f"{sums}  in all: {cells.total():,} HTTP cases in {seconds:.0f} s"]
