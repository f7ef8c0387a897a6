"""Settings of the excuses plugin."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from quartapp_attendance import CODE_PATTERN

EXCUSED = "excused"


class ExcusesSettings(BaseModel):
    """``[plugins.excuses]``, and ``QUARTAPP_EXCUSES_*`` in the environment."""

    model_config = ConfigDict(extra="forbid")

    status: str = Field(
        EXCUSED,
        pattern=CODE_PATTERN,
        description="Status that an accepted excuse gives. The plugin brings `excused`, unless the "
        "plugin statuses has it; any other status has to be brought by another plugin.",
    )
    most_open: int = Field(
        20,
        ge=1,
        le=1000,
        description="Open excuses that a student has at most.",
    )
