"""The headers of every answer: for caches, for browsers, and the name of the request."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from quartapp_contract_suite.people import API

if TYPE_CHECKING:
    import httpx

    from quartapp_contract_suite.people import People, Person

DOCUMENTS = ("/openapi.json", "/asyncapi.json")
# Answers of all kinds: with a tag, a list, a refusal, one with a secret, a page, a document.
PERSONAL = (
    ("GET", "/auth/me"),
    ("GET", "/class"),
    ("GET", "/admin/people"),
    ("GET", "/class/x"),
    ("POST", "/auth/ticket"),
)
PUBLIC = (("GET", "/healthz"), ("GET", "/docs"), ("GET", "/nothing"), ("PUT", "/healthz"))
SANE = ("a", "A-z_0.9", "x" * 64)
ODD = ("", "x" * 65, "a b", "a/b", "<b>", "a;b")


@pytest.fixture(scope="module")
def teacher(people: People) -> Person:
    """Return a teacher."""
    return people.teacher()


def test_no_browser_guesses_the_type_of_an_answer(people: People, teacher: Person) -> None:
    personal = [(method, f"{API}{path}") for method, path in PERSONAL]
    for method, path in (*personal, *PUBLIC, *(("GET", path) for path in DOCUMENTS)):
        answer = people.http.request(method, path, headers=teacher.headers)
        found = answer.headers.get("x-content-type-options")
        assert found == "nosniff", f"{method} {path}: X-Content-Type-Options is {found!r}"


def test_no_cache_keeps_what_is_for_one_person(people: People, teacher: Person) -> None:
    for method, path in PERSONAL:
        for headers in (teacher.headers, {}):
            answer = people.http.request(method, f"{API}{path}", headers=headers)
            assert_not_kept(answer)
    credentials = {"email": teacher.email, "password": "another password"}
    assert_not_kept(people.http.post(f"{API}/auth/login", json=credentials))


def assert_not_kept(answer: httpx.Response) -> None:
    """Assert that a shared cache keeps no copy of an answer, and nobody an unchecked one."""
    expected = "private, no-cache" if "etag" in answer.headers else "no-store"
    found = answer.headers.get("cache-control")
    asked = f"{answer.request.method} {answer.url.path}: {answer.status_code}"
    assert found == expected, f"{asked} has Cache-Control {found!r}, expected {expected!r}"


@pytest.mark.parametrize("path", DOCUMENTS)
def test_caches_tell_the_two_forms_of_a_document_apart_and_need_it_once(
    path: str, people: People
) -> None:
    forms = {
        coding: people.http.get(path, headers={"Accept-Encoding": coding})
        for coding in ("gzip", "identity")
    }
    assert forms["gzip"].headers.get("content-encoding") == "gzip"
    assert "content-encoding" not in forms["identity"].headers
    assert forms["gzip"].json() == forms["identity"].json()
    for coding, answer in forms.items():
        varies = {name.strip().lower() for name in answer.headers.get("vary", "").split(",")}
        assert "accept-encoding" in varies, f"{path}, {coding}: Vary is {varies}"
        assert "*" not in varies, f"{path}, {coding}: no cache may use it"
        again = people.http.get(
            path, headers={"Accept-Encoding": coding, "If-None-Match": answer.headers["etag"]}
        )
        assert (again.status_code, again.content) == (304, b""), f"{path}, {coding}"


def test_a_request_names_itself_or_gets_a_name(people: People, teacher: Person) -> None:
    def named(request_id: str) -> str:
        headers = {**teacher.headers, "X-Request-Id": request_id}
        answer = people.http.get(f"{API}/class/x", headers=headers)
        told: str = answer.headers["x-request-id"]
        assert answer.json()["requestId"] == told, "body and header name the request otherwise"
        return told

    for request_id in SANE:
        assert named(request_id) == request_id
    given = [named(request_id) for request_id in ODD]
    assert not set(given) & set(ODD), f"taken over as it was: {given}"
    assert len(set(given)) == len(ODD), "two requests have the same name"
