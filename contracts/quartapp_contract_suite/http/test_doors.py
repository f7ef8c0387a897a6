"""The answers of servers on which not everybody may register; always on servers of the run."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING

import httpx
import pytest

from quartapp_contract_suite.http.matching import mismatch
from quartapp_contract_suite.http.table.doors import SETTINGS, door_rows
from quartapp_contract_suite.people import TIMEOUT_SECONDS
from quartapp_contract_suite.server import running_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from quartapp_contract_suite.http.table.rows import Row

pytestmark = pytest.mark.needs_own_server


@pytest.fixture(scope="module")
def http(request: pytest.FixtureRequest, plugins: list[str]) -> Iterator[httpx.Client]:
    """Provide a client of a server with each setting."""
    with (
        running_server(*plugins, QUARTAPP_AUTH_REGISTRATION=request.param) as url,
        httpx.Client(base_url=url, timeout=TIMEOUT_SECONDS) as client,
    ):
        yield client


@pytest.mark.parametrize(
    ("http", "row"),
    [
        pytest.param(setting, row, id=f"{setting}-{row}")
        for setting in SETTINGS
        for row in door_rows(setting)
    ],
    indirect=["http"],
)
def test_answer_is_as_the_table_says(http: httpx.Client, row: Row) -> None:
    fresh = uuid.uuid4().hex
    sent = json.loads(json.dumps(row.json).replace("<fresh>", fresh))

    answer = http.request(row.method, row.path, json=sent)

    assert answer.status_code == row.status, answer.text
    told = json.loads(answer.text.replace(fresh, "<fresh>"))
    assert mismatch(row.body, told) is None, answer.text
