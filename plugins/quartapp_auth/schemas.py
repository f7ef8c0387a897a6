from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from quartapp import Body, Closed, ObjectIdString, Timestamp, trimmed
from quartapp_auth.passwords import MAX_BYTES

RegisteredRole = Literal["teacher", "student"]

# The "valid e-mail address" of the HTML standard, with a dot in the domain.
_LABEL = "[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
EMAIL = rf"[a-zA-Z0-9.!#$%&'*+/=?^_`{{|}}~-]+@{_LABEL}(?:\.{_LABEL})+"


def _fits_bcrypt(password: str) -> str:
    if len(password.encode()) > MAX_BYTES:
        raise ValueError(f"must be at most {MAX_BYTES} bytes of UTF-8")
    return password


Name = Annotated[str, trimmed(1, 100)]
Email = Annotated[str, trimmed(pattern=EMAIL), AfterValidator(str.lower)]
NewPassword = Annotated[
    str,
    StringConstraints(min_length=6, max_length=MAX_BYTES),
    AfterValidator(_fits_bcrypt),
]


class Registration(Body):
    """A new account."""

    name: Name
    email: Email
    password: NewPassword
    role: RegisteredRole


class Credentials(Body):
    """The credentials for signing in."""

    email: Email
    password: Annotated[str, StringConstraints(min_length=1)]


class UserAnswer(Closed):
    """An account as its owner sees it."""

    id: ObjectIdString = Field(alias="_id")
    name: str
    email: str
    role: RegisteredRole
    created_at: Timestamp = Field(alias="createdAt")
    updated_at: Timestamp = Field(alias="updatedAt")


class TokenAnswer(Closed):
    """The token of a signed-in user."""

    token: Annotated[
        str, StringConstraints(pattern=r"^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$")
    ]
