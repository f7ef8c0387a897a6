"""Forms of pages: their text fields, in either of the two encodings that browsers send."""

from __future__ import annotations

import io
import types
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Union, get_args, get_origin

from pydantic import AliasChoices, ValidationError
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.formparser import FormDataParser

from quartapp.http.answers import ApiError
from quartapp.http.problems import field_errors, whole_body

if TYPE_CHECKING:
    from pydantic import BaseModel
    from pydantic.fields import FieldInfo
    from quart.wrappers import Request
    from werkzeug.datastructures import MultiDict

    from quartapp.http.answers import FieldError

URL_ENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"
UNFIT_STATUS = HTTPStatus.UNPROCESSABLE_ENTITY
"""Status of a page that shows its form again, with what is wrong."""

_MOST_PARTS = 1000
_COLLECTIONS = (list, set, frozenset, tuple)


class FormError(ValueError):
    """A form does not fit its model.

    Attributes:
        fields: What is wrong with which field.
    """

    def __init__(self, fields: list[FieldError]) -> None:
        super().__init__("the form does not fit")
        self.fields = fields


async def parsed_form(request: Request, model: type[BaseModel]) -> BaseModel:
    """Return the form that ``request`` carries.

    Files of a multipart form are left out. The body stays where it is: the view can still read what
    was typed (``request.form``).

    Args:
        request: The request.
        model: Model of the form. Text becomes numbers, dates and booleans where it says so. A field
            that is a list takes any number of values, also one.

    Raises:
        FormError: The form does not fit.
        ApiError: The form has more than 1,000 parts: 413.
    """
    fields = await _text_fields(request)
    lists = {
        alias
        for name, field in model.model_fields.items()
        if _is_many(field.annotation)
        for alias in _names(name, field)
    }
    given = {
        name: values if name in lists or len(values) != 1 else values[0]
        for name, values in fields.lists()
    }
    try:
        return model.model_validate(given, strict=False)
    except ValidationError as error:
        raise FormError(field_errors(error)) from error


async def _text_fields(request: Request) -> MultiDict[str, str]:
    raw: bytes = await request.get_data(cache=True, as_text=False, parse_form_data=False)
    if request.mimetype not in {URL_ENCODED, MULTIPART}:
        message = f"Content-Type has to be {URL_ENCODED} or {MULTIPART}"
        raise FormError(whole_body("content-type", message))
    # The connection has limited the body already.
    parser = FormDataParser(max_form_memory_size=None, max_form_parts=_MOST_PARTS, silent=False)
    try:
        _, fields, files = parser.parse(
            io.BytesIO(raw), request.mimetype, len(raw), request.mimetype_params
        )
    except RequestEntityTooLarge as error:
        raise ApiError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "Payload Too Large") from error
    except ValueError as error:
        raise FormError(whole_body("form-invalid", "Body is no form")) from error
    for file in files.values():
        file.close()
    return fields


def _is_many(annotation: Any) -> bool:  # noqa: ANN401 - a type
    origin = get_origin(annotation)
    if origin in {Union, types.UnionType}:
        return any(map(_is_many, get_args(annotation)))
    return (origin or annotation) in _COLLECTIONS


def _names(name: str, field: FieldInfo) -> set[str]:
    alias = field.validation_alias
    choices = alias.choices if isinstance(alias, AliasChoices) else [alias]
    return {name, *(choice for choice in choices if isinstance(choice, str))}
