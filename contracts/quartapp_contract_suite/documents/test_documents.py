"""The server's documents are the contract with permitted additions.

``additions.py`` lists the permitted additions. The other tests use the server's documents, so these
two tests come first: otherwise a server that promised less would be tested for less.
"""

from __future__ import annotations

from typing import Any

from quartapp_contract_suite.documents.additions import (
    added_statuses,
    asyncapi_problems,
    openapi_problems,
)
from quartapp_contract_suite.documents.documents import asyncapi_authority, openapi_authority


def test_the_servers_openapi_document_is_the_contract_with_additions(
    openapi: dict[str, Any], asyncapi: dict[str, Any]
) -> None:
    problems = openapi_problems(openapi_authority(), openapi, added_statuses(asyncapi))

    assert not problems, "\n".join(["", *problems])


def test_the_servers_asyncapi_document_is_the_contract_with_additions(
    asyncapi: dict[str, Any],
) -> None:
    problems = asyncapi_problems(asyncapi_authority(), asyncapi)

    assert not problems, "\n".join(["", *problems])
