"""Paths that no document names: what servers are often left with answers as an unknown path."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from quartapp_contract_suite.people import People, Person

# What frameworks, tools and hurried developers leave behind.
WORDS = (
    *("debug", "admin", "config", "env", "info", "status", "stats", "test", "internal", "private"),
    *("health", "ping", "version", "users", "user", "accounts", "people", "students", "teachers"),
    *("login", "logout", "register", "token", "tokens", "sessions", "classes", "records", "export"),
    *("backup", "dump", "db", "database", "mongo", "log", "logs", "trace", "console", "shell"),
    *("graphql", "swagger", "swagger.json", "openapi", "openapi.yaml", "api-docs", "redoc"),
    *(".env", ".git/config", "server-status", "actuator", "actuator/env", "reset", "seed", "eval"),
)
BASES = (
    "",
    "/api",
    "/api/v1",
    "/api/v1/auth",
    "/api/v1/class",
    "/api/v1/attendance",
    "/api/v1/admin",
)


def known(path: str, document: dict[str, Any]) -> bool:
    """Tell whether a document has a path, or one with parameters that it fits."""
    words = path.strip("/").split("/")
    for template in document["paths"]:
        parts = template.strip("/").split("/")
        if len(parts) == len(words) and all(
            part.startswith("{") or part == word for part, word in zip(parts, words, strict=True)
        ):
            return True
    return False


@pytest.mark.parametrize("base", BASES)
def test_what_no_document_names_is_not_there(
    base: str, people: People, openapi: dict[str, Any], teacher: Person
) -> None:
    for word in WORDS:
        path = f"{base}/{word}"
        if known(path, openapi):
            continue
        for headers in ({}, teacher.headers):
            for method in ("GET", "POST"):
                answer = people.http.request(method, path, headers=headers)

                assert answer.status_code in {404, 405} or _is_page(answer.headers), (
                    f"{method} {path}, which no document names, is answered "
                    f"{answer.status_code}: {answer.text[:200]}"
                )


@pytest.fixture(scope="module")
def teacher(people: People) -> Person:
    """Return a teacher."""
    return people.teacher()


def _is_page(headers: Any) -> bool:  # noqa: ANN401 - httpx's headers
    """Tell whether an answer is a page for people, which no document has."""
    return bool(headers.get("content-type", "").startswith("text/html"))
