"""The command ``quartapp calendar``."""

from __future__ import annotations

import asyncio

import pytest
from click.testing import CliRunner
from structlog.testing import capture_logs

from quartapp_calendar.commands import calendar
from tests.plugins.quartapp_calendar.conftest import HOLIDAYS


@pytest.fixture
def command(mongodb_uri):
    """Return a function that runs ``quartapp calendar`` on the database of the test."""

    async def run(*arguments):
        result = await asyncio.to_thread(
            CliRunner().invoke, calendar, arguments, env={"MONGODB_URI": mongodb_uri}
        )
        return result.output if result.exit_code == 0 else str(result.exception)

    # The runner takes what this whole process prints.
    with capture_logs():
        yield run


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "Public Holidays.ics"
    path.write_text(HOLIDAYS, encoding="utf-8-sig")
    return path


async def test_holidays_are_imported_shown_and_replaced(command, file):
    line, nothing = "2026-12-24  2027-01-06  Christmas", "There are no terms and no holidays.\n"
    assert await command("list") == nothing
    assert await command("import", str(file), "--dry-run") == (
        f"{line}\nHolidays that would be imported as public-holidays: 1\n"
    )
    assert await command("list") == nothing
    for _ in range(2):
        told = await command("import", str(file))
        assert told == "Holidays imported as public-holidays: 1\n"
    assert await command("list") == f"holiday  {line}  [public-holidays]\n"


@pytest.mark.parametrize(
    ("content", "arguments", "said"),
    [
        (b"", (), "calendar is no iCalendar file: it has no BEGIN:VCALENDAR; nothing was imported"),
        (HOLIDAYS.encode("utf-16"), (), "is not in UTF-8"),
        (
            HOLIDAYS.replace("DTEND;VALUE=DATE:20270107", "DTEND;VALUE=DATE:20261201").encode(),
            (),
            "Christmas ends before it begins; nothing was imported",
        ),
        (
            b"BEGIN:VCALENDAR\r\n" + b"BEGIN:VEVENT\r\nEND:VEVENT\r\n" * 100_000,
            (),
            "calendar has too many events: 100000 events, and at most 5000 are read",
        ),
        (b"x" * (16 * 1024**2 + 1), (), "is larger than 16 MiB"),
        (HOLIDAYS.encode(), ("--source", "The State"), "'The State' is no name of a source"),
        (None, (), "cannot be read: No such file or directory"),
    ],
    ids=["empty", "UTF-16", "backwards", "100,000 events", "large", "source", "missing"],
)
async def test_what_cannot_be_used_is_said_in_one_sentence(command, file, content, arguments, said):
    if content is None:
        file.unlink()
    else:
        file.write_bytes(content)
    told = await command("import", str(file), *arguments)
    assert said in told
    assert "\n" not in told
    assert await command("list") == "There are no terms and no holidays.\n"
