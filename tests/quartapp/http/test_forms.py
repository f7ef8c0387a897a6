"""Forms: both encodings, lists, what a form that does not fit shows, who may send one, and size."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import Annotated
from urllib.parse import urlsplit

import pytest
from pydantic import Field, field_validator
from quart import Blueprint, request

from quartapp import (
    PUBLIC,
    Body,
    Deny,
    Grant,
    Operation,
    hookimpl,
    permission,
)
from quartapp.http.connection import LINGER_SECONDS

LIMIT = 300_000


class Order(Body):
    title: str = Field(min_length=1, max_length=LIMIT)
    copies: int = Field(1, ge=1, le=9)
    gift: bool = False
    due: dt.date | None = None
    tags: list[str] = Field(default_factory=list)
    shelves: Annotated[set[int] | None, Field(alias="shelf")] = None

    @field_validator("title")
    @classmethod
    def known(cls, title):
        if title == "nothing":
            raise ValueError("there is no such book")
        return title


class Shop:
    """Forms that anybody, or librarians alone, may send."""

    name = "shop"
    messages = ("Sold out",)

    def __init__(self):
        self.asked = []

    @hookimpl
    def authorize(self, principal, action, resource):
        if not action.startswith("order"):
            return None
        self.asked.append(resource)
        sold_out = "form" in resource and resource["form"].title == "sold"
        return Deny("Sold out") if sold_out else None

    @hookimpl
    def grant(self, principal, permission, resource):
        assert "errors" not in resource
        granted = resource.get("title") == "mine" or resource.get("shop") == "mine"
        return Grant() if permission == "books:order" and granted else None

    @hookimpl
    def register_blueprints(self, app):
        blueprint = Blueprint("shop", __name__, url_prefix="/shop")

        def form(path, identifier, access=PUBLIC, **more):
            operation = Operation(
                id=identifier,
                access=access,
                tags=("shop",),
                data=str,
                page=True,
                form=Order,
                max_body=LIMIT,
                **more,
            )
            return lambda view: blueprint.add_url_rule(
                path, identifier, operation(view), methods=["POST"]
            )

        async def told(form, errors):
            if form is None:
                typed = (await request.form).get("title", "")
                return f"{len(typed)} " + ", ".join(f"{one.field}: {one.message}" for one in errors)
            return form.model_dump_json(exclude_defaults=True)

        @form("/order", "orderBook")
        async def order(form, errors):
            return await told(form, errors)

        @form("/<shop>/keep", "orderKept", permission("books:order", role="librarian"))
        async def keep(form, errors, principal, shop):
            return await told(form, errors)

        @form("/elsewhere", "orderElsewhere", cross_site=True)
        async def elsewhere(form, errors):
            return await told(form, errors)

        return [blueprint]


@pytest.fixture
def plugin():
    return Shop()


@pytest.fixture
async def shop(serve, plugin):
    return await serve(beside=[plugin])


async def test_text_becomes_what_the_model_says(shop):
    answer = await shop.page().submit(
        "/shop/order", title="Emma", copies="2", gift="on", due="2026-11-27", unknown="x"
    )
    assert answer.text == '{"title":"Emma","copies":2,"gift":true,"due":"2026-11-27"}'


async def test_a_list_takes_any_number_of_values_also_under_an_alias(shop):
    for values in (["one"], ["one", "two"], ["one", "one", "ä"]):
        answer = await shop.page().submit("/shop/order", title="x", tags=values, shelf=["7", "7"])
        assert answer.json() == {"title": "x", "tags": values, "shelves": [7]}


async def test_a_field_that_is_no_list_takes_one_value(shop):
    answer = await shop.page().submit("/shop/order", title=["a", "b"])
    assert (answer.status_code, answer.text) == (422, "1 title: Input should be a valid string")


async def test_a_multipart_form_is_read_and_its_files_are_left_out(shop):
    parts = [
        ("title", (None, "Ä & ö\r\nü")),
        ("copies", (None, "3")),
        ("tags", (None, "a")),
        ("tags", (None, "b")),
        ("gift", ("gift.txt", b"on")),
    ]
    answer = await shop.page().client.post("/shop/order", files=parts)
    assert answer.text == '{"title":"Ä & ö\\r\\nü","copies":3,"tags":["a","b"]}'
    missing = await shop.page().client.post("/shop/order", files={"title": ("a.txt", b"Emma")})
    assert (missing.status_code, missing.text) == (422, "0 title: Field required")


NO_FORMS = (
    (b"--x\r\nnonsense", "multipart/form-data; boundary=x", "Body is no form"),
    (b"--x--\r\n", "multipart/form-data; boundary=x", "Field required"),
    (b"title=a", "multipart/form-data", "Body is no form"),
    (b"{}", "application/json", "Content-Type has to be"),
    (b"title=Emma", "text/plain", "Content-Type has to be"),
    (b"title=Emma", None, "Content-Type has to be"),
    (b"", "application/x-www-form-urlencoded", "Field required"),
    (b"title=nothing", "application/x-www-form-urlencoded", "there is no such book"),
)


async def test_what_is_no_form_is_shown_as_such(shop):
    for content, kind, message in NO_FORMS:
        headers = {} if kind is None else {"Content-Type": kind}
        answer = await shop.page().client.post("/shop/order", content=content, headers=headers)
        assert (answer.status_code, message in answer.text) == (422, True), (content, answer.text)


async def test_a_form_of_very_many_fields_is_refused(shop):
    parts = [("tags", (None, "x"))] * 1001
    answer = await shop.page().client.post("/shop/order", files=parts)
    assert (answer.status_code, "Payload Too Large" in answer.text) == (413, True)


async def test_a_policy_sees_the_form_and_refuses_it(shop, plugin):
    assert (await shop.page().submit("/shop/order", title="Emma")).status_code == 200
    sold = await shop.page().submit("/shop/order", title="sold")
    assert (sold.status_code, "Sold out" in sold.text) == (403, True)
    assert (await shop.page().submit("/shop/order", title="")).status_code == 422
    assert [resource.get("form") and resource["form"].title for resource in plugin.asked] == [
        "Emma",
        "sold",
        None,
    ]
    assert not any("errors" in resource for resource in plugin.asked)


GRANTS = (
    ("/shop/theirs/keep", "mine", 200),  # granted for what the form says
    ("/shop/theirs/keep", "theirs", 403),
    ("/shop/theirs/keep", "", 403),  # nobody learns whether the form fits
    ("/shop/mine/keep", "theirs", 200),  # granted for what the path says
    ("/shop/mine/keep", "", 422),
)


async def test_a_grant_is_asked_with_path_and_form(shop):
    page = shop.page(await shop.person("student"))
    for path, title, status in GRANTS:
        answer = await page.submit(path, title=title)
        assert answer.status_code == status, (path, title)
        assert (status == 403) == ("Forbidden, librarian access required" in answer.text)


async def test_an_operation_may_take_more_than_64_kib(shop):
    page = shop.page()
    title = "x" * (LIMIT - len("title="))
    assert (await page.submit("/shop/order", title=title)).text == f'{{"title":"{title}"}}'
    assert (await page.submit("/shop/order", title=title + "x")).status_code == 413
    files = {"title": (None, title[:200_000])}
    assert (await page.client.post("/shop/order", files=files)).status_code == 200
    # What was typed can be shown again, however long it is.
    again = await page.submit("/shop/order", title=title[:200_000], copies="0")
    assert (again.status_code, again.text.split()[0]) == (422, "200000")
    files = {"title": (None, title[:200_000]), "copies": (None, "0")}
    again = await page.client.post("/shop/order", files=files)
    assert (again.status_code, again.text.split()[0]) == (422, "200000")


async def test_a_form_without_a_length_is_limited_too(shop):
    async def endless():
        for _ in range(LIMIT // 1000 + 10):
            yield b"x" * 1000

    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await shop.page().client.post("/shop/order", content=endless(), headers=headers)
    assert answer.status_code == 413


async def test_a_form_that_is_too_long_is_refused_before_it_is_sent(serve, plugin, turned_clock):
    shop = await serve(beside=[plugin], clock=turned_clock)
    host, port = urlsplit(shop.url).netloc.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = (
        "POST /shop/order HTTP/1.1",
        f"Host: {host}:{port}",
        "Content-Type: application/x-www-form-urlencoded",
        "Content-Length: 1000000000",
        "",
        "",
    )
    writer.write("\r\n".join(head).encode())
    # The client gets some time to send it, so that no reset overtakes the answer.
    await turned_clock.asked(LINGER_SECONDS)
    await turned_clock.advance(LINGER_SECONDS)
    async with asyncio.timeout(300):
        answer = await reader.readuntil(b"\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"content-security-policy: default-src 'none'" in answer.lower()
    writer.close()


SENDERS = (
    ({}, True),  # no browser
    ({"Sec-Fetch-Site": "same-origin", "Origin": "own"}, True),
    ({"Origin": "own"}, True),
    ({"Sec-Fetch-Site": "cross-site"}, False),
    ({"Sec-Fetch-Site": "same-site"}, False),
    ({"Sec-Fetch-Site": "none"}, False),
    ({"Origin": "null"}, False),
    ({"Origin": "https://evil.example"}, False),
    ({"Origin": "http://127.0.0.1:1"}, False),
    ({"Origin": ""}, False),
)


@pytest.mark.parametrize("signed_in", [False, True])
async def test_a_form_of_another_site_is_refused_also_where_anybody_may_send_it(shop, signed_in):
    page = shop.page(await shop.person("student") if signed_in else None)
    for given, allowed in SENDERS:
        headers = {key: shop.url if value == "own" else value for key, value in given.items()}
        answer = await page.client.post("/shop/order", data={"title": "x"}, headers=headers)
        assert answer.status_code == (200 if allowed else 403), given
        assert allowed or "Forbidden, cross-site request" in answer.text
        declared = await page.client.post("/shop/elsewhere", data={"title": "x"}, headers=headers)
        assert declared.status_code == 200, given


def test_a_form_does_not_go_with_everything():
    given = {"id": "x", "tags": (), "data": str, "form": Order}
    with pytest.raises(TypeError, match="a body or a form"):
        Operation(access=PUBLIC, body=Order, **given)
    with pytest.raises(TypeError, match="never cross-site"):
        Operation(access=permission("a:b", role="x"), cross_site=True, **given)
    with pytest.raises(TypeError, match="cannot be idempotent"):
        Operation(access=PUBLIC, page=True, idempotent=True, **given)


async def test_refusals_of_forms_are_in_the_document(shop):
    document = (await shop.api.get(f"{shop.url}/openapi.json")).json()
    answers = document["paths"]["/shop/order"]["post"]["responses"]
    assert {"200", "403", "413", "422"} <= set(answers)
    assert all(set(one["content"]) == {"text/html"} for one in answers.values())
