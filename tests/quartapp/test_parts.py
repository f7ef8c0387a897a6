"""The parts of an app: the day that a moment belongs to."""

from __future__ import annotations

import os
import time
from datetime import UTC, date, datetime, timedelta

import pytest
from pydantic import SecretStr

from quartapp import Settings, core, create_app
from quartapp.testing import SECRET, TurnedClock


def parts(zone, clock=None):
    settings = Settings(
        timezone=zone,
        mongodb_uri=SecretStr("mongodb://nowhere.invalid"),
        jwt_secret=SecretStr(SECRET),
    )
    return core(create_app(settings, [], clock=clock or TurnedClock()))


@pytest.mark.parametrize(
    ("zone", "first", "last", "hours"),
    [
        # In Berlin the clocks are put forward at 02:00, and back at 03:00.
        ("Europe/Berlin", "2026-03-28T23:00", "2026-03-29T21:59", 23),
        ("Europe/Berlin", "2026-10-24T22:00", "2026-10-25T22:59", 25),
        ("Europe/Berlin", "2026-06-01T22:00", "2026-06-02T21:59", 24),
        # In São Paulo they were put forward at midnight, so that this day began at 01:00, and put
        # back at midnight, so that the last hour of this day came twice.
        ("America/Sao_Paulo", "2018-11-04T03:00", "2018-11-05T01:59", 23),
        ("America/Sao_Paulo", "2018-02-17T02:00", "2018-02-18T02:59", 25),
        ("Asia/Kathmandu", "2026-05-04T18:15", "2026-05-05T18:14", 24),
        ("UTC", "2026-05-05T00:00", "2026-05-05T23:59", 24),
    ],
)
def test_a_day_has_the_hours_between_two_local_midnights(zone, first, last, hours):
    began = datetime.fromisoformat(first).replace(tzinfo=UTC)
    ended = datetime.fromisoformat(last).replace(tzinfo=UTC)
    assert ended - began == timedelta(hours=hours, minutes=-1)
    local_day = parts(zone).local_day
    day = local_day(began)
    assert local_day(ended) == day
    assert local_day(began - timedelta(minutes=1)) == day - timedelta(days=1)
    assert local_day(ended + timedelta(minutes=1)) == day + timedelta(days=1)


async def test_the_present_day_is_the_day_of_the_apps_clock():
    clock = TurnedClock(datetime(2026, 5, 5, 18, 14, 30, tzinfo=UTC))
    here = parts("Asia/Kathmandu", clock)
    assert here.local_day() == date(2026, 5, 5)
    await clock.advance(30)
    assert here.local_day() == date(2026, 5, 6)


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="Windows takes its zone from elsewhere")
@pytest.mark.parametrize(
    ("zone", "day"), [("Pacific/Kiritimati", 6), ("UTC", 5), ("Pacific/Pago_Pago", 4)]
)
def test_without_a_setting_the_zone_of_the_machine_decides(zone, day):
    before = os.environ.get("TZ")
    os.environ["TZ"] = zone
    time.tzset()
    try:
        moment = datetime(2026, 5, 5, 10, 30, tzinfo=UTC)
        assert parts(" ").local_day(moment) == date(2026, 5, day)
    finally:
        if before is None:
            del os.environ["TZ"]
        else:
            os.environ["TZ"] = before
        time.tzset()


def test_a_moment_without_a_zone_is_refused():
    with pytest.raises(ValueError, match="without a time zone"):
        parts("UTC").local_day(datetime(2026, 5, 5))  # noqa: DTZ001 - that is what is refused


async def test_a_zone_that_does_not_exist_ends_the_start(run_cli):
    status, output, said = await run_cli("serve", QUARTAPP_TIMEZONE="Europe/Nowhere")
    assert (status, output) == (2, "")
    assert "QUARTAPP_TIMEZONE: is no IANA name of a time zone, such as Europe/Berlin" in said
    assert len(said.strip().splitlines()) == 1
