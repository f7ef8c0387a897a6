"""Marks, and their statuses."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import Enum
from typing import TYPE_CHECKING, Any, Literal

from quartapp import PluginError

if TYPE_CHECKING:
    from collections.abc import Iterable


class _Any(Enum):
    ANY = "any mark or none"


ANY = _Any.ANY
"""The condition of a mark that is stored whatever mark the student has."""

Expected = str | None | Literal[_Any.ANY]
"""The condition of a mark: the status that the student has, None for no mark, or :data:`ANY`."""

CODE_PATTERN = r"^[a-z][a-z0-9_]{0,31}$"

TEACHER = "teacher"
# More would be a mistake.
MOST_POINTS = 1000
OWNER = "quartapp itself"


@dataclass(frozen=True, slots=True)
class Mark:
    """A mark, as sent and as stored.

    Attributes:
        student_id: Id of the marked student.
        status: Code of the status; None takes the student's mark back.
        by: Id of the user who made the mark.
        via: How the mark was made; None when a teacher made it by hand.
    """

    student_id: str
    status: str | None
    by: str
    via: str | None = None


@dataclass(frozen=True, slots=True)
class Violation:
    """The refusal of a mark.

    Attributes:
        message: Message for the sender.
    """

    message: str

    def __post_init__(self) -> None:
        if not isinstance(self.message, str):
            raise TypeError(f"Violation: message has to be a text, and is {self.message!r:.100}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """A status of students.

    Attributes:
        code: Unique code: a lower-case letter, then letters, digits and underscores, 32 characters
            at most.
        label: Name for people.
        counts_as: The count that includes the status, ``present`` or ``absent``.
        points: Worth of the status, from 0 for ``absent`` to 1 for ``present``, such as ``"0.8"``.
            A float counts as it is written. None leaves the status out of percentages.
        set_by: Roles that may send the status. Without roles, only plugins set it.
        key: Key on a keyboard that clients offer for the status, a letter or a digit; None for no
            key.
        yields: Whether a status with the same code that another plugin brings takes the place of
            this one, instead of being refused. For a plugin that needs a status which institutions
            may set up as they like.
    """

    code: str
    label: str
    counts_as: Literal["present", "absent"]
    points: Decimal | float | str | None = 0
    set_by: tuple[str, ...] = (TEACHER,)
    key: str | None = None
    yields: bool = False

    def __post_init__(self) -> None:
        for name in ("code", "label"):
            if not isinstance(value := getattr(self, name), str):
                raise TypeError(f"Status: {name} has to be a text, and is {value!r:.100}")
        if isinstance(self.set_by, str):
            raise TypeError(f"Status {self.code}: set_by has to be a tuple of roles")
        if not re.fullmatch(CODE_PATTERN, self.code):
            raise ValueError(f"{self.code!r} is no status code")
        if self.counts_as not in ("present", "absent"):
            raise ValueError(f"status {self.code}: counts_as must be present or absent")
        if self.key is not None and not re.fullmatch("[a-z0-9]", self.key):
            raise ValueError(f"status {self.code}: key has to be a small letter or a digit")
        if self.points is not None and not 0 <= self.worth <= MOST_POINTS:
            raise ValueError(f"status {self.code}: points have to be from 0 to {MOST_POINTS}")

    @property
    def worth(self) -> Decimal:
        """The points, exactly; 0 for a status without points.

        Raises:
            ValueError: The points are no number.
        """
        try:
            found = Decimal(str(0 if self.points is None else self.points))
        except InvalidOperation:
            found = Decimal("NaN")
        if not found.is_finite():
            raise ValueError(f"status {self.code}: {self.points!r:.100} are no points")
        return found or Decimal(0)  # and never -0


class StatusRegistry:
    """The statuses of one app: ``present``, ``absent``, and those of plugins, in this order."""

    def __init__(self) -> None:
        self._by_code: dict[str, tuple[Status, str]] = {}
        for own in (
            Status(code="present", label="Present", counts_as="present", points=1, key="p"),
            Status(code="absent", label="Absent", counts_as="absent", key="a"),
        ):
            self.add(own, OWNER)
        self._own = len(self._by_code)

    def add(self, status: Status, owner: str) -> None:
        """Register a status.

        Args:
            status: The status.
            owner: Name of the plugin that registers it.

        Raises:
            PluginError: The code is registered already.
        """
        if (known := self._by_code.get(status.code)) is not None and not known[0].yields:
            if status.yields:
                return
            other = known[1]
            raise PluginError(f"status {status.code} is brought by both {other} and {owner}")
        self._by_code[status.code] = (status, owner)

    def __contains__(self, code: object) -> bool:
        return code in self._by_code

    @property
    def all(self) -> tuple[Status, ...]:
        """All statuses, those of quartapp first."""
        return tuple(status for status, _ in self._by_code.values())

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes of all statuses."""
        return tuple(self._by_code)

    @property
    def is_extended(self) -> bool:
        """Whether plugins have registered statuses."""
        return len(self._by_code) > self._own

    def set_by(self, role: str) -> tuple[str, ...]:
        """Return the codes that a role may send."""
        return tuple(code for code, (status, _) in self._by_code.items() if role in status.set_by)

    def counts_as(self, code: str) -> Literal["present", "absent"]:
        """Return the count that includes a status, ``present`` or ``absent``."""
        known = self._by_code.get(code)
        # The code of a plugin that was switched off counts as absent, which claims less than
        # present.
        return known[0].counts_as if known else "absent"

    def tally(self, marks: Iterable[str]) -> dict[str, Any]:
        """Count marks as present and absent; by code too, when plugins registered statuses.

        A code that was taken out of the settings has a count of its own while it has marks.
        """
        by_code = Counter(marks)
        counts: dict[str, Any] = {"present": 0, "absent": 0}
        for code, number in by_code.items():
            counts[self.counts_as(code)] += number
        counts["total"] = counts["present"] + counts["absent"]
        if self.is_extended:
            counts["statuses"] = {**dict.fromkeys(self._by_code, 0), **by_code}
        return counts
