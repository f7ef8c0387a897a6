from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints, model_validator

from quartapp import Body, Closed, ObjectIdInput, ObjectIdString, Timestamp, left_out, trimmed
from quartapp_auth.accounts.users import LONGEST_USERNAME
from quartapp_auth.roles import BaseRole
from quartapp_auth.signing_in.passwords import MAX_BYTES

RegisteredRole = Literal["teacher", "student"]

# The "valid e-mail address" of the HTML standard, with a dot in the domain and RFC 5321's limits:
# 64 characters before the @, and 254 in all, which is what fits into a path of 256.
LONGEST_EMAIL = 254
# No password that somebody has is longer, and a check of one costs memory.
LONGEST_TYPED_PASSWORD = 10_000
LONGEST_INVITATION = 100
LONGEST_CODE = 100
_FOUR = "[0-9A-HJKMNP-TV-Z]{4}"
CODE = rf"^(?:{_FOUR}-){{6}}[0-9A-HJKMNP-TV-Z]{{2}}$"
_LABEL = "[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
EMAIL = rf"[a-zA-Z0-9.!#$%&'*+/=?^_`{{|}}~-]{{1,64}}@{_LABEL}(?:\.{_LABEL})+"


def _fits_bcrypt(password: str) -> str:
    if len(password.encode()) > MAX_BYTES:
        raise ValueError(f"must be at most {MAX_BYTES} bytes of UTF-8")
    return password


Name = Annotated[str, trimmed(1, 100)]
Email = Annotated[str, trimmed(0, LONGEST_EMAIL, pattern=EMAIL), AfterValidator(str.lower)]
Username = Annotated[str, trimmed(1, LONGEST_USERNAME, without="@")]
NewPassword = Annotated[
    str,
    StringConstraints(min_length=6, max_length=MAX_BYTES),
    AfterValidator(_fits_bcrypt),
]


class NewAccount(Body):
    """What every new account needs."""

    name: Name
    email: Email
    # A plugin that logs the body of a request shows no password.
    password: NewPassword = Field(repr=False)


class SetupBody(NewAccount):
    """The first administrator, and the code of the set-up."""

    code: str = Field(min_length=1, max_length=LONGEST_CODE, repr=False)


class Registration(NewAccount):
    """A new account; an invitation gives its role."""

    role: RegisteredRole = left_out()
    invitation: str = left_out(min_length=1, max_length=LONGEST_INVITATION, repr=False)

    @model_validator(mode="after")
    def _role_is_given(self) -> Registration:
        if self.role is None and self.invitation is None:
            raise ValueError("role is needed without an invitation")
        return self


def _by_address_or_username(schema: dict[str, Any]) -> None:
    """Split the schema of credentials into two whole ones, as many generators of clients need."""
    by_address = {**schema, "required": ["email", "password"]}
    without = {key: schema["properties"][key] for key in ("username", "password")}
    by_username = {**schema, "required": ["username", "password"], "properties": without}
    # With an address, the address decides. One of the two fits, whatever the body has.
    by_username["not"] = {"required": ["email"]}
    title = schema["title"]
    schema.clear()
    schema |= {"title": title, "oneOf": [by_address, by_username]}


class Credentials(Body):
    """The credentials for signing in; the address takes precedence over the username."""

    model_config = ConfigDict(json_schema_extra=_by_address_or_username)

    email: Email = left_out()
    username: Username = left_out()
    password: Annotated[
        str,
        StringConstraints(min_length=1, max_length=LONGEST_TYPED_PASSWORD),
        Field(repr=False),
    ]

    @model_validator(mode="after")
    def _one_is_given(self) -> Credentials:
        if self.email is None and self.username is None:
            raise ValueError("email or username is needed")
        return self

    @property
    def identifier(self) -> str:
        """The address in lower case, or the username; only an address has an ``@``."""
        return self.username if self.email is None else self.email


class PasswordChangeBody(Body):
    """The present password of a person, and the new one."""

    password: Annotated[
        str,
        StringConstraints(min_length=1, max_length=LONGEST_TYPED_PASSWORD),
        Field(repr=False),
    ]
    new_password: NewPassword = Field(alias="newPassword", repr=False)


class ResetBody(Body):
    """A one-time code, and the password to set with the code."""

    code: str = Field(min_length=1, max_length=LONGEST_CODE, repr=False)
    new_password: NewPassword = Field(alias="newPassword", repr=False)


class PasswordSet(Closed):
    """The end of a reset."""

    message: Literal["Password set"]


class NewResetAnswer(Closed):
    """A one-time code, which is told this once; or that a mail tells the code to the person."""

    code: Annotated[str, StringConstraints(pattern=CODE)] | None
    expires_at: Timestamp | None = Field(alias="expiresAt")
    mailed: bool


class ForgottenBody(Body):
    """The address of somebody who has forgotten the password."""

    email: Email


class ForgottenAnswer(Closed):
    """The answer to every address alike."""

    message: Literal["If the address has an account, a mail is on its way"]


class UserAnswer(Closed):
    """An account as its owner sees it."""

    id: ObjectIdString = Field(alias="_id")
    name: str
    email: str | None
    # Plugins may bring further roles.
    role: Annotated[str, Field(json_schema_extra={"x-extensible-enum": [*BaseRole]})]
    created_at: Timestamp = Field(alias="createdAt")
    updated_at: Timestamp = Field(alias="updatedAt")


class InvitationBody(Body):
    """An invitation to make."""

    role: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    email: Email = left_out()


class InvitationsQuery(Body):
    """The choice of invitations to list."""

    limit: int = left_out(ge=1, le=500)
    after: ObjectIdInput = left_out()


class InvitationAnswer(Closed):
    """An invitation, without the text that its holder has."""

    id: ObjectIdString = Field(alias="_id")
    role: str
    email: str | None
    created_at: Timestamp = Field(alias="createdAt")
    expires_at: Timestamp = Field(alias="expiresAt")
    created_by: ObjectIdString | None = Field(alias="createdBy")
    used_by: ObjectIdString | None = Field(alias="usedBy")
    used_at: Timestamp | None = Field(alias="usedAt")
    revoked_at: Timestamp | None = Field(alias="revokedAt")


class NewInvitationAnswer(InvitationAnswer):
    """An invitation with its text, which is told this once."""

    invitation: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{22}$")]


class TokenAnswer(Closed):
    """The token of a signed-in user."""

    token: Annotated[
        str, StringConstraints(pattern=r"^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$")
    ]


class TicketAnswer(Closed):
    """A ticket for one WebSocket."""

    ticket: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{22}$")]


class SignedOut(Closed):
    """The end of one token, or of all tokens of an account."""

    message: Literal["Signed out"]
