"""Settings of the classes plugin."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field


class ClassesSettings(BaseModel):
    """``[plugins.classes]``, and ``QUARTAPP_CLASSES_*`` in the environment."""

    directory: Literal["all", "classes"] | None = Field(
        None,
        examples=["all"],
        description="Students whom a teacher can list: `all`, or `classes`, those of the teacher's "
        "classes and whoever a search names exactly. Without it: `all` where registration is open, "
        "else `classes`.",
    )
    show_emails: bool | None = Field(
        None,
        examples=[True],
        description="Whether classmates see each other's and the teacher's addresses. Without it: "
        "only where registration is open.",
    )
