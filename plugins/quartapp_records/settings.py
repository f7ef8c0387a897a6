"""Settings of the records plugin."""

from __future__ import annotations

from pydantic import BaseModel, Field


class RecordsSettings(BaseModel):
    """``[plugins.records]``, and ``QUARTAPP_RECORDS_*`` in the environment."""

    edit_days: int = Field(
        7,
        ge=0,
        le=36_600,
        description="Days after a session during which its teachers change records; afterwards "
        "administrators alone.",
    )
