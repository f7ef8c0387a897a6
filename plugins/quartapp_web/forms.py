"""Forms about accounts: what is wrong with what was typed, in words, beside each field."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field, model_validator
from quart import request

from quartapp import core
from quartapp_auth import RegistrationRule, ResetMail, UnfitPasswordError
from quartapp_web.rendering import Pages, page_for
from quartapp_web.texts import _

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from quart import Response

    from quartapp import FieldError, Principal

SearchText = Annotated[
    Annotated[str, Field(max_length=100)] | None, BeforeValidator(lambda text: text or None)
]
"""What somebody looks for; an empty field says nothing."""

# The names and codes of this table are in each form that has them.
SECRET_FIELDS = frozenset({"password", "newPassword", "code", "invitation"})
UNFIT = {
    "name": _("Type your name, with 100 characters at most."),
    "email": _("Type an e-mail address, such as name@school.example."),
    "code": _("Type the code."),
    "invitation": _("Type the text of the invitation."),
    "role": _("Choose what you are."),
}
OPEN_PASSWORD = _("Choose a password of 6 to 72 characters.")
PASSWORD = _("Choose a password of 8 to 72 characters.")
REASONS = {
    "Password has to have 8 characters or more": PASSWORD,
    "Password is one of the most common ones": _(
        "Choose another password: this one is among the most common ones."
    ),
    "Password is the name, address or username of the account": _(
        "Choose another password: this one is the name or the address of the account."
    ),
    "Password is the name of the school or of this program": _(
        "Choose another password: this one is the name of the school or of this program."
    ),
    "Password is a word of the school, such as the name of a class": _(
        "Choose another password: this one is a word of the school, such as the name of a class."
    ),
}


class DoneQuery(BaseModel):
    """What was done a moment ago, which the page then says."""

    done: str = Field("", max_length=20)


class WithoutBlanks(BaseModel):
    """A form whose empty fields say nothing, as browsers send fields that nobody has filled in."""

    @model_validator(mode="before")
    @classmethod
    def _without_blanks(cls, given: Any) -> Any:  # noqa: ANN401 - whatever a client sends
        if not isinstance(given, dict):
            return given
        return {name: value for name, value in given.items() if value != ""}


def problems_of(
    errors: Iterable[FieldError], further: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return what is wrong with which field, in English, from the errors of a form.

    Args:
        errors: The errors; several for one field are told once.
        further: Texts for fields of this form, in place of the usual ones.
    """
    texts = {**UNFIT, "password": password_hint(), "newPassword": password_hint()}
    texts |= further or {}
    return {
        error.field: texts.get(error.field, _("Check what you have typed.")) for error in errors
    }


def unfit(error: UnfitPasswordError) -> str:
    """Return why a new password is refused, in English.

    Args:
        error: The refusal.
    """
    return REASONS.get(str(error), str(error))


def password_hint() -> str:
    """Return how long a new password has to be on this server, in English."""
    is_open = core().services.get(RegistrationRule).is_open
    return OPEN_PASSWORD if is_open else PASSWORD


async def form_for(
    principal: Principal,
    template: str,
    problems: Mapping[str, str] | None = None,
    present: Mapping[str, str] | None = None,
    /,
    **values: object,
) -> Response:
    """Return a page with a form, for somebody who is signed in.

    The status is 422 when there are problems.

    Args:
        principal: The person.
        template: Name of the template.
        problems: What is wrong with which field, in English; empty for a fresh form.
        present: What the fields of a fresh form have.
        values: Further values of the template.
    """
    return await page_for(
        principal,
        template,
        HTTPStatus.UNPROCESSABLE_ENTITY if problems else HTTPStatus.OK,
        problems=core().services.get(Pages).all_translated(problems or {}),
        typed=await _typed(present or {}),
        **values,
    )


async def form_page(
    template: str, problems: Mapping[str, str] | None = None, status: int = HTTPStatus.OK
) -> Response:
    """Return a page with a form, for somebody who may not be signed in.

    Args:
        template: Name of the template.
        problems: What is wrong with which field, in English; empty for a fresh form.
        status: HTTP status code.
    """
    values = await form_values(problems)
    return core().services.get(Pages).page(template, status, **values)


async def form_values(problems: Mapping[str, str] | None = None) -> dict[str, object]:
    """Return what the templates of forms need: the problems, and what was typed.

    Args:
        problems: What is wrong with which field, in English.
    """
    pages = core().services.get(Pages)
    return {
        "problems": pages.all_translated(problems or {}),
        "typed": await _typed({}),
        "hint": pages.translated(password_hint()),
        "mails": core().services.find(ResetMail) is not None,  # type: ignore[type-abstract] # mypy takes a protocol for a class that cannot be used
        "mailed": "mailed" in request.args,
    }


async def _typed(present: Mapping[str, str]) -> dict[str, str]:
    """Return what was typed, but for secrets; what is present before anything is."""
    typed = await request.form if request.method == "POST" else present
    return {field: text for field, text in typed.items() if field not in SECRET_FIELDS}
