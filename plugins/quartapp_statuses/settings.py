from __future__ import annotations

from decimal import Decimal
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from quartapp_attendance import CODE_PATTERN, TEACHER, Status

OWN_CODES = ("present", "absent")


class StatusSetting(BaseModel):
    """A status in the configuration."""

    model_config = ConfigDict(extra="forbid")

    code: str = Field(pattern=CODE_PATTERN)
    label: str = Field(min_length=1, max_length=100)
    counts_as: Literal["present", "absent"]
    points: Decimal | None = Field(None, ge=0, le=1000, allow_inf_nan=False)
    set_by: tuple[str, ...] = (TEACHER,)
    key: str | None = Field(None, pattern="^[a-z0-9]$")

    def status(self) -> Status:
        """Return the status to register."""
        return Status(**self.model_dump())


DEFAULT = (
    # As in Canvas; Moodle's default is 1.
    StatusSetting(code="late", label="Late", counts_as="present", points=Decimal("0.8"), key="l"),
    # Zero points and no points differ: a status without points is left out of the average, as for
    # an excused student.
    StatusSetting(code="excused", label="Excused", counts_as="absent", points=None, key="e"),
    StatusSetting(
        code="left_early",
        label="Left early",
        counts_as="present",
        points=Decimal("0.8"),
        key="f",
    ),
)


class StatusesSettings(BaseModel):
    """``[plugins.statuses]``, and ``QUARTAPP_STATUSES_*`` in the environment."""

    model_config = ConfigDict(extra="forbid")

    statuses: tuple[StatusSetting, ...] = Field(
        DEFAULT, description="The statuses beside present and absent."
    )
    grace_minutes: float | None = Field(
        None,
        ge=0,
        examples=[10],
        description="Minutes after the start of a session during which `present` is stored as "
        "`present`; afterwards a student's first `present` is stored as `late_status`. Without a "
        "value, it always stays `present`.",
    )
    late_status: str = Field(
        "late", description="Status of a student who is marked present after the grace."
    )

    @field_validator("statuses")
    @classmethod
    def _once_each(cls, statuses: tuple[StatusSetting, ...]) -> tuple[StatusSetting, ...]:
        seen = list(OWN_CODES)
        for status in statuses:
            if status.code in seen:
                raise ValueError(f"the code {status.code} is there already")
            seen.append(status.code)
        return statuses

    @model_validator(mode="after")
    def _late_exists(self) -> StatusesSettings:
        codes = [*OWN_CODES, *(status.code for status in self.statuses)]
        if self.grace_minutes is not None and self.late_status not in codes:
            raise ValueError(f"late_status {self.late_status} is none of {', '.join(codes)}")
        return self
