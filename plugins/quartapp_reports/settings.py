"""Settings of the reports plugin."""

from __future__ import annotations

from decimal import Decimal

from pydantic import BaseModel, ConfigDict, Field


class ReportsSettings(BaseModel):
    """``[plugins.reports]``, and ``QUARTAPP_REPORTS_*`` in the environment."""

    model_config = ConfigDict(extra="forbid")

    rule: str = Field(
        "points",
        description="Rule for percentages: `points` (late counts for less), `sessions` (late is "
        "present), `days` (one session of a day is enough), or that of another plugin.",
    )
    warn_below: Decimal = Field(
        Decimal(70),
        ge=0,
        le=100,
        description="Percentage below which a report warns; 0 never warns.",
    )
    warn_after: int = Field(
        5,
        ge=1,
        le=1000,
        description="Sessions taken before a report warns of a percentage.",
    )
    warn_absences: int = Field(
        3, ge=1, le=1000, description="Absences in a row of which a report warns."
    )
    digest_hour: int | None = Field(
        None,
        ge=0,
        le=23,
        examples=[16],
        description="Local hour at which teachers are mailed what was raised since the day before; "
        "needs the mail plugin. Without it, nobody is mailed.",
    )
