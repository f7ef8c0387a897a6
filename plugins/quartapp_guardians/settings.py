"""Settings of the guardians plugin."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from quartapp_attendance import CODE_PATTERN
from quartapp_guardians.texts import Language

TIME = r"^(?:[01][0-9]|2[0-3]):[0-5][0-9]$"


class GuardiansSettings(BaseModel):
    """``[plugins.guardians]``, and ``QUARTAPP_GUARDIANS_*`` in the environment."""

    model_config = ConfigDict(extra="forbid")

    notices: bool = Field(
        False,
        description="Whether guardians get a mail on the day on which a student is absent. Needs a "
        "mail server (`smtp_host` of the mail plugin).",
    )
    notice_from: Annotated[str, StringConstraints(pattern=TIME)] = Field(
        "10:30", description="Local time of a day before which no absence is told."
    )
    notice_minutes: int = Field(
        15,
        ge=0,
        le=600,
        description="Minutes between the end of a roll call and the notice, in which a teacher can "
        "still correct an absence.",
    )
    notice_statuses: tuple[Annotated[str, StringConstraints(pattern=CODE_PATTERN)], ...] = Field(
        ("absent",), min_length=1, max_length=20, description="Statuses that are told."
    )
    school: str = Field(
        "",
        max_length=100,
        examples=["Ada Lovelace School"],
        description="Name of the institution, with which notices are signed.",
    )
    language: Language = Field(
        "en", description="Language of a guardian for whom nobody has named one."
    )
