"""Settings of the check-in plugin."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network

from pydantic import BaseModel, ConfigDict, Field


class CheckinSettings(BaseModel):
    """Settings of the checkin plugin.

    ``step_seconds``: time for which a code is shown, in seconds. ``tolerance_steps``: number of
    further steps during which a code is accepted; unless it is 0, the next code is accepted too.
    ``attempts``: number of codes that a student may send within ``attempts_seconds``. ``subnets``:
    networks from which students may check in; an empty list allows all networks.
    """

    model_config = ConfigDict(extra="forbid")

    step_seconds: int = Field(15, ge=5, le=300)
    tolerance_steps: int = Field(1, ge=0, le=10)
    attempts: int = Field(5, ge=1, le=100)
    attempts_seconds: int = Field(60, ge=1, le=3600)
    subnets: tuple[IPv4Network | IPv6Network, ...] = ()
