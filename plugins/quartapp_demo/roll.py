"""The demo's own roll call: the planned marks, and the marks that were broadcast so far."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from quartapp_demo.school import Person

PRESENT, ABSENT = "present", "absent"

# Places on the roll, from zero. Students in neither list are present; late students are first
# called absent.
MISSING = frozenset({3, 9, 14, 22})
NEVER_CALLED = frozenset({6, 17, 28})
LATE = 9


@dataclass
class Roll:
    """The state of the roll call.

    Attributes:
        students: All students on the roll.
        sockets: Number of sockets that have to receive each mark.
        marks: Status of each marked student, by the student's id.
        latest: Id of the student who was marked last; None before the first mark.
        latencies: For each mark, the time from sending it until the last socket had it, in seconds.
    """

    students: tuple[Person, ...]
    sockets: int
    marks: dict[str, str] = field(default_factory=dict)
    latest: str | None = None
    latencies: list[float] = field(default_factory=list)

    def calls(self) -> list[tuple[Person, str]]:
        """Return the students to call in order, with their statuses; late students come twice."""
        called = [
            (student, ABSENT if place in MISSING else PRESENT)
            for place, student in enumerate(self.students)
            if place not in NEVER_CALLED
        ]
        return [*called, (self.students[LATE], PRESENT)]

    def mark(self, student: Person, status: str, latency: float) -> None:
        """Record a mark that every socket has received.

        Args:
            student: The marked student.
            status: ``present`` or ``absent``.
            latency: Time until the last socket had the mark, in seconds.
        """
        self.marks[student.id] = status
        self.latest = student.id
        self.latencies.append(latency)

    def close(self) -> None:
        """Record the effect of DONE: students without a mark are absent."""
        self.latest = None
        for student in self.students:
            self.marks.setdefault(student.id, ABSENT)

    def count(self, status: str) -> int:
        """Return the number of students with a status."""
        return Counter(self.marks.values())[status]

    @property
    def summary(self) -> dict[str, int]:
        """Return the counts of the marks, with the names that the server uses."""
        present, absent = self.count(PRESENT), self.count(ABSENT)
        return {"present": present, "absent": absent, "total": present + absent}

    @property
    def typical_latency(self) -> float:
        """Return the median latency, in seconds."""
        return median(self.latencies)
