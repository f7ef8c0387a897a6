"""Pages of a list name the next one, where the query has ``limit`` and ``after``."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, Field
from quart import Blueprint

from quartapp import (
    PUBLIC,
    Body,
    DatabaseUnavailableError,
    DomainError,
    Operation,
    Refusal,
    hookimpl,
    left_out,
)

SHELF = [{"_id": f"{number:02}", "name": f"book {number}"} for number in range(7)]
UNFIT = Refusal(400, "Unfit")


class ShelfQuery(Body):
    author: str = left_out()
    limit: int = left_out(ge=1, le=500)
    after: str = left_out()


class Book(BaseModel):
    id: str = Field(alias="_id")
    name: str


class NoBookError(DomainError):
    message = "No book"


class Library:
    """Lists of books: one that ends empty, one that ends with 404, and one with small pages."""

    name = "library"

    def __init__(self):
        self.asked = 0
        self.broken = False

    def page(self, query, most):
        self.asked += 1
        if self.broken and query.after is not None:
            raise DatabaseUnavailableError
        return [one for one in SHELF if query.after is None or one["_id"] > query.after][:most]

    @hookimpl
    def register_blueprints(self, app):
        blueprint = Blueprint("library", __name__)

        def operation(name, **more: Any):
            return Operation(
                id=name,
                access=PUBLIC,
                tags=("library",),
                query=ShelfQuery,
                invalid=UNFIT,
                **{"data": list[Book], **more},
            )

        @blueprint.get("/books")
        @operation("listBooks")
        async def books(query: ShelfQuery):
            return self.page(query, query.limit or 100)

        @blueprint.get("/found")
        @operation("listFound", errors={NoBookError: Refusal(404, "No book")})
        async def found(query: ShelfQuery):
            if not (page := self.page(query, query.limit or 100)):
                raise NoBookError
            return page

        @blueprint.get("/small")
        @operation("listSmall", page_size=3)
        async def small(query: ShelfQuery):
            return self.page(query, min(query.limit or 3, 3))

        @blueprint.get("/silent")
        @operation("listSilent", cursor=None)
        async def silent(query: ShelfQuery):
            return self.page(query, query.limit or 100)

        return [blueprint]


@pytest.fixture
def library():
    return Library()


@pytest.fixture
async def shelf(serve, library):
    server = await serve(beside=[library])

    async def ask(address):
        answer = await server.api.get(f"{server.url}{address}")
        assert answer.status_code == 200, answer.text
        following = answer.links.get("next")
        return [one["_id"] for one in answer.json()["data"]], following and following["url"]

    return ask


async def walked(ask, address):
    pages = []
    while address is not None:
        page, address = await ask(address)
        pages.append(page)
    return pages


@pytest.mark.parametrize("path", ["books", "found"])
async def test_pages_name_the_next_page_until_the_last_entry(shelf, path):
    assert await walked(shelf, f"/{path}?limit=3") == [
        ["00", "01", "02"],
        ["03", "04", "05"],
        ["06"],
    ]


@pytest.mark.parametrize("path", ["books", "found"])
async def test_a_full_page_that_is_the_last_one_names_no_next_page(shelf, path):
    assert len(await walked(shelf, f"/{path}?limit=7")) == 1


async def test_pages_smaller_than_the_limit_name_the_next_page(shelf):
    for address in ("/small", "/small?limit=5"):
        assert [len(page) for page in await walked(shelf, address)] == [3, 3, 1]


async def test_a_page_that_is_not_full_costs_no_second_look(shelf, library):
    await shelf("/books?limit=8")
    assert library.asked == 1


async def test_address_keeps_the_other_parameters_and_replaces_after(shelf):
    _, following = await shelf("/books?author=A%26B%20%22%3E&limit=2&after=01")
    assert following == "/books?author=A%26B+%22%3E&limit=2&after=03"


async def test_a_list_may_have_no_addresses_of_pages(shelf):
    _, following = await shelf("/silent?limit=2")
    assert following is None


async def test_a_database_that_fails_behind_the_page_is_no_end_of_the_list(serve, library):
    server = await serve(beside=[library])
    library.broken = True
    answer = await server.api.get(f"{server.url}/books?limit=2")
    assert (answer.status_code, answer.json()["error"]) == (503, "Service Unavailable")


def test_entries_without_the_cursor_are_refused_where_the_operation_is_declared():
    declared = {"access": PUBLIC, "tags": (), "query": ShelfQuery, "data": list[Book]}
    with pytest.raises(TypeError, match="operation listBooks has pages, and Book no isbn"):
        Operation(id="listBooks", cursor="isbn", **declared)
