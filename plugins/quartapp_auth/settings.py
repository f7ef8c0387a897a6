from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field, field_validator
from pydantic_settings import NoDecode

RegistrationSetting = Literal["open", "students", "invite", "closed"]
SyncedField = Literal["name", "email", "role", "disabled"]


class AuthSettings(BaseModel):
    """``[plugins.auth]``, and ``QUARTAPP_AUTH_*`` in the environment."""

    registration: RegistrationSetting | None = Field(
        None,
        description="Who may register: `open` is everybody, `students` is students, `invite` is "
        "people with an invitation, `closed` is nobody. Without it: `open` while listening on "
        "loopback without a proxy and with the embedded database, else `invite`.",
        json_schema_extra={"recommended": "invite"},
    )
    school_names: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Names of the school, with commas between. No new password may be one of them.",
        json_schema_extra={"examples": ["Ada Lovelace School, Lovelace"]},
    )
    sync: Annotated[frozenset[SyncedField], NoDecode] = Field(
        frozenset({"name", "email", "role", "disabled"}),
        description="What an account takes over from the system that vouches for its person.",
    )
    refresh_minutes: float = Field(
        15.0, gt=0, description="Minutes after which that system is asked about the person again."
    )

    hash_queue: int = Field(
        64,
        ge=1,
        description="Passwords of one process that wait to be hashed; one more is answered 503, "
        "and so is a sign-in when as many are under way.",
    )
    failures_per_pair: int = Field(
        10,
        ge=1,
        description="Failed sign-ins of one account from one network before attempts have to wait.",
    )
    failures_per_account: int = Field(
        100, ge=1, description="Failed sign-ins of one account from anywhere, in ten minutes."
    )
    failures_per_network: int = Field(
        300, ge=1, description="Failed sign-ins from one network, in ten minutes."
    )

    @field_validator("sync", "school_names", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return [name.strip() for name in value.split(",") if name.strip()]
        return value
