"""Marks, and the statuses that they can have."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from quartapp import PluginError

if TYPE_CHECKING:
    from collections.abc import Iterable

CODE_PATTERN = r"^[a-z][a-z0-9_]{0,31}$"

TEACHER = "teacher"
OWNER = "quartapp itself"


@dataclass(frozen=True, slots=True)
class Mark:
    """A mark, as it comes and as it is stored.

    Attributes:
        student_id: Who is marked.
        status: The code of a status.
        by: Id of the user who marks.
        via: The way it came, when that was not a teacher's hand.
    """

    student_id: str
    status: str
    by: str
    via: str | None = None


@dataclass(frozen=True, slots=True)
class Violation:
    """What speaks against a mark.

    Attributes:
        message: What the sender is told.
    """

    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What a student can be marked as.

    Attributes:
        code: Unique: a lower-case letter, then letters, digits and underscores, 32 at most.
        label: For people.
        counts_as: Which of the two counts it goes into.
        points: What it is worth; ``present`` is worth 2, ``absent`` 0. None is not held against
            the student: it is left out of the reckoning.
        set_by: Who may send it: roles. Nobody's is set by plugins alone.
    """

    code: str
    label: str
    counts_as: Literal["present", "absent"]
    points: float | None = 0
    set_by: tuple[str, ...] = (TEACHER,)

    def __post_init__(self) -> None:
        if not re.fullmatch(CODE_PATTERN, self.code):
            raise ValueError(f"{self.code!r} is no status code")
        if self.counts_as not in ("present", "absent"):
            raise ValueError(f"status {self.code}: counts_as must be present or absent")


class StatusRegistry:
    """The statuses of one app: ``present``, ``absent``, and what plugins bring."""

    def __init__(self) -> None:
        self._by_code: dict[str, tuple[Status, str]] = {}
        self.add(Status(code="present", label="Present", counts_as="present", points=2), OWNER)
        self.add(Status(code="absent", label="Absent", counts_as="absent"), OWNER)
        self._own = len(self._by_code)

    def add(self, status: Status, owner: str) -> None:
        """Let students be marked as ``status``.

        Raises:
            PluginError: There is one of that code.
        """
        if status.code in self._by_code:
            other = self._by_code[status.code][1]
            raise PluginError(f"status {status.code} is brought by both {other} and {owner}")
        self._by_code[status.code] = (status, owner)

    def __contains__(self, code: object) -> bool:
        return code in self._by_code

    @property
    def codes(self) -> tuple[str, ...]:
        """Every code."""
        return tuple(self._by_code)

    @property
    def is_extended(self) -> bool:
        """Whether plugins brought any."""
        return len(self._by_code) > self._own

    def set_by(self, role: str) -> tuple[str, ...]:
        """The codes that ``role`` may send."""
        return tuple(code for code, (status, _) in self._by_code.items() if role in status.set_by)

    def counts_as(self, code: str) -> Literal["present", "absent"]:
        """Which of the two counts ``code`` goes into."""
        known = self._by_code.get(code)
        # A code whose plugin was switched off counts as what is safe to say: not there.
        return known[0].counts_as if known else "absent"

    def tally(self, marks: Iterable[str]) -> dict[str, Any]:
        """How many of ``marks`` count as present and as absent; by code too, if there are more."""
        by_code = Counter(marks)
        counts: dict[str, Any] = {"present": 0, "absent": 0}
        for code, number in by_code.items():
            counts[self.counts_as(code)] += number
        counts["total"] = counts["present"] + counts["absent"]
        if self.is_extended:
            counts["statuses"] = {code: by_code[code] for code in self._by_code}
        return counts
