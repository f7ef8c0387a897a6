"""Settings of the check-in plugin."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network

from pydantic import BaseModel, ConfigDict, Field


class CheckinSettings(BaseModel):
    """``[plugins.checkin]``, and ``QUARTAPP_CHECKIN_*`` in the environment."""

    model_config = ConfigDict(extra="forbid")

    step_seconds: int = Field(
        15, ge=5, le=300, description="Time for which a code is shown, in seconds."
    )
    tolerance_steps: int = Field(
        1,
        ge=0,
        le=10,
        description="Further steps during which a code is accepted; unless it is 0, the next code "
        "is accepted too.",
    )
    attempts: int = Field(
        5,
        ge=1,
        le=100,
        description="Codes that a student may send within `attempts_seconds`.",
    )
    attempts_seconds: int = Field(
        60, ge=1, le=3600, description="Time in which the attempts are counted, in seconds."
    )
    subnets: tuple[IPv4Network | IPv6Network, ...] = Field(
        (),
        examples=[["10.0.0.0/8"]],
        description="Networks from which students may check in; an empty list allows all.",
    )
