"""The number of WebSocket steps by event and role, for the JUnit file and the end of a run.

The counts are properties of the test's report. So they reach the terminal from other processes
too, and no state is kept outside of pytest.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from quartapp_contract_suite.websocket.document import read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from quartapp_contract_suite.people import Person
    from quartapp_contract_suite.websocket.document import Document

PREFIX = "websocket steps"
SECONDS = "websocket seconds"


class StepCounts:
    """Counts of sent frames by event and role."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()

    def __len__(self) -> int:
        return self._counts.total()

    def add(self, document: Document, person: Person, frame: str | bytes, version: int = 0) -> None:
        """Count one frame of ``person`` from a socket of ``version``."""
        message = read(frame)
        if message is None:
            what = "(no message)"
        elif message[0] not in document.roles:
            what = "(unknown event)"
        elif document.client_frame_fits(*message, version):
            what = message[0]
        else:
            what = f"{message[0]} (data does not fit)"
        sender = f"{person.role} in version {version}" if version else person.role
        self._counts[what, sender] += 1

    def record(self, record_property: Callable[[str, object], None], seconds: float) -> None:
        """Add the counts and the duration in seconds to the test's report."""
        for (what, role), count in sorted(self._counts.items()):
            record_property(f"{PREFIX}: {what} by {role}", count)
        record_property(SECONDS, round(seconds, 1))


def summary_lines(properties: Iterable[tuple[str, object]]) -> list[str]:
    """Return the lines for the end of a run; no lines if no WebSocket test ran.

    Args:
        properties: ``user_properties`` of all reports of the run.
    """
    properties = list(properties)
    counts = [
        (name.removeprefix(f"{PREFIX}: "), int(str(value)))
        for name, value in properties
        if name.startswith(f"{PREFIX}: ")
    ]
    if not counts:
        return []
    seconds = sum(float(str(value)) for name, value in properties if name == SECONDS)
    lines = [f"{count:>7,}  {what}" for what, count in counts]
    total = sum(count for _, count in counts)
    return [*lines, f"{total:>7,}  WebSocket steps in {seconds:.0f} s"]
