"""The roll as the demo knows it: who is to be called what, and what was heard so far."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from quartapp_demo.school import Person

PRESENT, ABSENT = "present", "absent"

# By their place on the roll. Who is in neither list is there; who comes late was called absent.
MISSING = frozenset({3, 9, 14, 22})
NEVER_CALLED = frozenset({6, 17, 28})
LATE = 9


@dataclass
class Roll:
    """The state of the roll call.

    Attributes:
        students: Everybody on the roll.
        sockets: How many sockets are to see each mark.
        marks: Status by student id.
        latest: Whose mark came last.
        latencies: Seconds from sending each mark until the last socket had it.
    """

    students: tuple[Person, ...]
    sockets: int
    marks: dict[str, str] = field(default_factory=dict)
    latest: str | None = None
    latencies: list[float] = field(default_factory=list)

    def calls(self) -> list[tuple[Person, str]]:
        """Whom the teacher calls, with the status, in order; who comes late is called twice."""
        called = [
            (student, ABSENT if place in MISSING else PRESENT)
            for place, student in enumerate(self.students)
            if place not in NEVER_CALLED
        ]
        return [*called, (self.students[LATE], PRESENT)]

    def mark(self, student: Person, status: str, latency: float) -> None:
        """Remember a mark that every socket has seen."""
        self.marks[student.id] = status
        self.latest = student.id
        self.latencies.append(latency)

    def close(self) -> None:
        """After DONE: who has no mark is absent."""
        self.latest = None
        for student in self.students:
            self.marks.setdefault(student.id, ABSENT)

    def count(self, status: str) -> int:
        """How many have this status."""
        return Counter(self.marks.values())[status]

    @property
    def summary(self) -> dict[str, int]:
        """The marks, counted as the server counts them."""
        present, absent = self.count(PRESENT), self.count(ABSENT)
        return {"present": present, "absent": absent, "total": present + absent}

    @property
    def typical_latency(self) -> float:
        """The median, in seconds."""
        return median(self.latencies)
