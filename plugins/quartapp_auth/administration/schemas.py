from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from quartapp import Body, Closed, ObjectIdInput, ObjectIdString, Timestamp, left_out
from quartapp_auth.schemas import Email, Name, NewPassword, Username

Hash = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
RoleName = Annotated[str, StringConstraints(min_length=1, max_length=100)]


class PeopleQuery(Body):
    """The choice of people to list."""

    search: Annotated[str, StringConstraints(min_length=1, max_length=100)] = left_out()
    role: RoleName = left_out()
    limit: int = left_out(ge=1, le=500)
    after: ObjectIdInput = left_out()


class NewPersonBody(Body):
    """An account to make, with an address, a username or both."""

    name: Name
    email: Email = left_out()
    username: Username = left_out()
    role: RoleName
    password: NewPassword = left_out(repr=False)

    @model_validator(mode="after")
    def _one_is_given(self) -> NewPersonBody:
        if self.email is None and self.username is None:
            raise ValueError("email or username is needed")
        return self


class AuditQuery(Body):
    """The choice of entries of the audit."""

    day: Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")] = left_out()
    who: ObjectIdInput = left_out()
    action: Annotated[
        str, StringConstraints(pattern=r"^[a-z][a-z0-9-]*\.[a-z][a-z0-9-]*$", max_length=100)
    ] = left_out()
    limit: int = left_out(ge=1, le=500)
    after: ObjectIdInput = left_out()


class AuditEntryAnswer(Closed):
    """An entry of the audit, with all that its hash is made of."""

    id: ObjectIdString = Field(alias="_id")
    at: Timestamp
    action: str
    who: str | None
    way: Literal["client", "command", "server"]
    network: str | None
    address: str | None
    salt: str | None
    seal: str | None
    about: dict[str, str | None]
    before: dict[str, str | int | bool | None]
    after: dict[str, str | int | bool | None]
    day: str
    number: int
    previous: Hash
    hash: Hash


class RoleBody(Body):
    """The role that an account is to have."""

    role: RoleName


class PasswordBody(Body):
    """The password that an account is to have."""

    password: NewPassword = Field(repr=False)


class PersonAnswer(Closed):
    """An account as administrators see it."""

    id: ObjectIdString = Field(alias="_id")
    name: str
    display_name: str = Field(alias="displayName")
    email: str | None
    username: str | None
    role: str
    disabled: bool
    vouched: bool
    issuer: str | None
    sourced_id: str | None = Field(alias="sourcedId")
    created_at: Timestamp = Field(alias="createdAt")
    updated_at: Timestamp = Field(alias="updatedAt")


class ErasureBody(Body):
    """How a person is to be erased."""

    dry_run: bool = left_out(alias="dryRun")


class ErasureAnswer(Closed):
    """What is erased of a person, or would be: numbers by plugin."""

    id: ObjectIdString = Field(alias="_id")
    dry_run: bool = Field(alias="dryRun")
    erased: dict[str, dict[str, int]]
