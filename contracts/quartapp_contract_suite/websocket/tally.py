"""The server's rules for counting marks: present, absent, and on some servers more statuses."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from quartapp_contract_suite.websocket.client import Socket, message

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quartapp_contract_suite.people import People, Person
    from quartapp_contract_suite.websocket.document import Document

TWO = ("present", "absent")


@dataclass(frozen=True, slots=True)
class Tally:
    """The rules by which a server counts marks.

    Attributes:
        counts_as: Pairs of a status that a teacher may send, and present or absent.
        one_by_one: The statuses that have counts of their own.
    """

    counts_as: tuple[tuple[str, str], ...]
    one_by_one: tuple[str, ...]

    def of(self, statuses: Sequence[str]) -> dict[str, Any]:
        """Return the server's counts of some marks.

        Args:
            statuses: The status of each mark.
        """
        rules = dict(self.counts_as)
        found = Counter(rules[status] for status in statuses)
        counts: dict[str, Any] = {name: found[name] for name in TWO}
        counts["total"] = len(statuses)
        if self.one_by_one:
            counts["statuses"] = {code: list(statuses).count(code) for code in self.one_by_one}
        return counts


def learned(
    document: Document, people: People, base_url: str, teacher: Person, student: Person
) -> Tally:
    """Learn the rules by which a server counts.

    An institution decides whether a status of its own counts as present or as absent. So the test
    sends each status once, alone, and expects the same count from then on.

    Raises:
        AssertionError: A status counts as neither or both, or present and absent do not count as
            themselves.
    """
    people.start(teacher, people.class_of(teacher, student))
    counts_as = []
    with Socket("teacher", base_url, teacher, document.check_server_frame) as socket:
        for status in document.statuses:
            socket.ask(message("ATTENDANCE_MARKED", studentId=student.id, status=status))
            counts = socket.ask(message("TODAY_SUMMARY"))["data"]
            ((name, _),) = ((name, counts[name]) for name in TWO if counts[name] != 0)
            assert counts[name] == counts["total"] == 1, f"{status} is counted as {counts}"
            assert name == status or status not in TWO, f"{status} is counted as {name}"
            counts_as.append((status, name))
        socket.ask(message("DONE"))
    return Tally(tuple(counts_as), document.counted)
