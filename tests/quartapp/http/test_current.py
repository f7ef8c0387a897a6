"""Refusals that show the state that the request did not expect."""

from __future__ import annotations

import pytest
from pydantic import BaseModel
from quart import Blueprint

from quartapp import PUBLIC, DomainError, Operation, Refusal, hookimpl
from quartapp.contract import openapi_document


class Shelf(BaseModel):
    """Where a book stands."""

    place: int


class MovedError(DomainError):
    """The book stands elsewhere."""

    def __init__(self, place):
        self.details = {"current": None if place is None else {"place": place}}


class Library:
    """A route whose refusal shows where the book stands."""

    name = "library"

    @hookimpl
    def register_blueprints(self, app):
        blueprint = Blueprint("library", __name__, url_prefix="/api/v1")

        async def view(place):
            raise MovedError(None if place == "nowhere" else int(place))

        operation = Operation(
            id="findBook",
            access=PUBLIC,
            tags=("library",),
            data=dict[str, str],
            errors={MovedError: Refusal(409, "Book has moved", current=Shelf | None)},
        )
        blueprint.add_url_rule("/book/<place>", "book", operation(view))
        return [blueprint]


@pytest.mark.parametrize(("place", "current"), [("7", {"place": 7}), ("nowhere", None)])
async def test_refusal_shows_the_present_state(serve, place, current):
    server = await serve(beside=[Library])
    for accept in ("application/json", "application/problem+json"):
        answer = await server.api.get(f"/book/{place}", headers={"Accept": accept})
        body = answer.json()
        assert (answer.status_code, body["error"], body["current"]) == (
            409,
            "Book has moved",
            current,
        )


async def test_document_tells_the_type_of_the_present_state(serve):
    server = await serve(beside=[Library])
    document = openapi_document(server.app)
    answer = document["paths"]["/api/v1/book/{place}"]["get"]["responses"]["409"]
    schema = answer["content"]["application/json"]["schema"]
    assert "current" in schema["required"]
