"""Endpoints that answer 410 are switched off, and what the log says of endpoints."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from quartapp_webhooks.switched_off import REFRESH_SECONDS

PLUGINS = {"extra_plugins": ("webhooks",)}


def arrived(receiver, count):
    async def enough():
        return len(receiver.requests) >= count

    return enough


def waits_for(outbox, server, **query):
    async def found():
        return await outbox(server, **query)

    return found


async def gauge(server):
    lines = (await server.api.get(f"{server.url}/metrics")).text.splitlines()
    return sum(
        float(line.rpartition(" ")[2])
        for line in lines
        if line.startswith("quartapp_webhooks_switched_off{")
    )


async def test_endpoint_that_answers_410_gets_no_further_message(
    serve, happen, receivers, configure, eventually, outbox
):
    gone, well = await receivers(), await receivers()
    gone.answers += [410] * 10
    configure(gone, well)
    server = await serve(**PLUGINS)
    with capture_logs() as lines:
        await happen(server, 1)
        (dead,) = await eventually(waits_for(outbox, server, expires={"$exists": True}))
    assert (dead["attempts"], dead["reason"]) == (1, "answered 410")
    (line,) = [line for line in lines if "switched off" in line["event"]]
    assert (line["endpoint"], line["log_level"]) == (gone.url, "error")
    assert await gauge(server) == 1
    await happen(server, 3, first=1)
    await eventually(arrived(well, 4))
    assert len(gone.requests) == 1
    # Another start does not ask again.
    other = await serve(**PLUGINS)

    async def known():
        return await gauge(other) == 1

    await eventually(known)
    await happen(other, 1, first=4)
    await eventually(arrived(well, 5))
    assert len(gone.requests) == 1


async def test_messages_that_wait_for_a_switched_off_endpoint_are_given_up(
    serve, happen, receiver, configure, eventually, outbox
):
    receiver.answers += [410] * 3
    configure(receiver)
    server = await serve(**PLUGINS)
    await happen(server, 3)

    async def all_dead():
        return len(await outbox(server, expires={"$exists": True})) == len(
            await outbox(server)
        ) and await outbox(server)

    dead = await eventually(all_dead)
    assert {one["reason"] for one in dead} <= {"answered 410", "the endpoint is switched off"}
    assert len(receiver.requests) == 1


async def test_command_switches_an_endpoint_on_again_under_a_running_server(
    serve,
    happen,
    receiver,
    configure,
    eventually,
    outbox,
    run_cli,
    mongodb_uri,
    turned_clock,
):
    receiver.answers.append(410)
    environment = configure(receiver)
    server = await serve(clock=turned_clock, **PLUGINS)
    await happen(server, 1)
    await eventually(waits_for(outbox, server, expires={"$exists": True}))
    command = {"MONGODB_URI": mongodb_uri, "QUARTAPP_EXTRA_PLUGINS": "webhooks", **environment}
    _, shown, _ = await run_cli("webhooks", **command)
    assert "switched off since" in shown
    _, shown, _ = await run_cli("webhooks", "--switch-on", **command)
    assert "1 endpoints are switched on again." in shown
    assert "switched off since" not in shown

    async def noticed():
        await turned_clock.advance(REFRESH_SECONDS)
        return await gauge(server) == 0

    await eventually(noticed)
    await happen(server, 1, first=1)
    await eventually(arrived(receiver, 2))


@pytest.mark.parametrize("answer", [204, 307, 404, 410, 500, "hang"])
async def test_query_of_an_address_is_in_no_line_of_the_log(
    serve, happen, receiver, configure, in_time, outbox, caplog, turned_clock, answer
):
    receiver.answers.append(answer)
    url = f"{receiver.url}?token=hush-hush"
    configure({"url": url, "secret": receiver.secret}, timeout_seconds=60)
    with caplog.at_level("DEBUG"), capture_logs() as lines:
        server = await serve(clock=turned_clock, **PLUGINS)
        await happen(server, 1)

        async def over():
            return not await outbox(server, lane={"$exists": True})

        await in_time(arrived(receiver, 1))
        if answer == "hang":
            await turned_clock.asked(60)
            await turned_clock.advance(60)
        await in_time(over)
    assert receiver.requests[0].path == "/hook?token=hush-hush"
    assert "hush-hush" not in caplog.text
    assert "hush-hush" not in str(lines)
