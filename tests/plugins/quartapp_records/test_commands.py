"""The command ``quartapp records lock``."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.processes


async def test_command_locks_shows_and_unlocks(serve, run_cli, mongodb_uri):
    server = await serve(mongodb_uri=mongodb_uri)
    for arguments, told in (
        ((), "Nothing is locked."),
        (("2026-01-31",), "Records are locked through 2026-01-31."),
        ((), "Records are locked through 2026-01-31."),
        (("--unlock",), "Nothing is locked."),
    ):
        status, shown, errors = await run_cli(
            "records", "lock", *arguments, MONGODB_URI=mongodb_uri
        )
        assert (status, shown.strip()) == (0, told), errors
    entries = await server.documents["audit"].find({"action": "records.locked"}).to_list()
    assert [one["after"]["through"] for one in entries] == ["2026-01-31", None]


@pytest.mark.parametrize("arguments", [("9999-12-31",), ("soon",), ("2026-01-31", "--unlock")])
async def test_unfit_days_are_refused_in_one_sentence(run_cli, mongodb_uri, arguments):
    status, _, errors = await run_cli("records", "lock", *arguments, MONGODB_URI=mongodb_uri)
    assert status == 2
    assert errors.strip().splitlines()[-1].startswith("Error: ")
