"""Documents and files of pages come compressed, and only once."""

from __future__ import annotations

import gzip

import pytest

DOCUMENTS = ("/openapi.json", "/asyncapi.json")


@pytest.mark.parametrize("path", DOCUMENTS)
async def test_document_has_a_tag_and_is_not_sent_twice(serve, path):
    server = await serve()
    url = f"{server.url}{path}"
    first = await server.api.get(url)
    assert first.status_code == 200
    again = await server.api.get(url, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    other = await server.api.get(url, headers={"If-None-Match": '"other"'})
    assert other.content == first.content


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [("gzip", "gzip"), ("*", "gzip"), ("gzip;q=0", None), ("identity", None), ("br", None)],
)
async def test_document_is_compressed_for_clients_that_accept_it(serve, accepted, coding):
    server = await serve()
    url = f"{server.url}/openapi.json"
    plain = await server.api.get(url, headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    async with server.api.stream("GET", url, headers={"Accept-Encoding": accepted}) as answer:
        content = b"".join([part async for part in answer.aiter_raw()])
    assert answer.headers.get("content-encoding") == coding
    assert answer.headers["vary"] == "Accept-Encoding"
    if coding:
        assert len(content) < len(plain.content) / 4
        assert answer.headers["etag"] != plain.headers["etag"]
        content = gzip.decompress(content)
    assert content == plain.content


async def test_answers_about_people_are_never_compressed(serve):
    server = await serve()
    teacher = await server.person("teacher")
    headers = {**teacher.headers, "Accept-Encoding": "gzip"}
    answer = await server.api.get("/auth/me", headers=headers)
    assert answer.status_code == 200
    assert "content-encoding" not in answer.headers
