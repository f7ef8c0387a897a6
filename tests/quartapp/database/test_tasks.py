"""Periodic tasks: in each process, once per installation, after failures and after a kill."""

from __future__ import annotations

import asyncio
import json

import pytest
import structlog

from quartapp import QuartappError, core, create_app, load_settings
from quartapp.database.named_lease import LEASE_SECONDS, LOOK_SECONDS
from quartapp.hooks.specs import hookimpl
from quartapp.testing import SECRET, TurnedClock, running

NIGHT = 86_400
LAST_RUN = 'quartapp_task_last_run_timestamp_seconds{task="nightly.count"} '

MODULE = """
import asyncio
from quartapp import core, hookimpl

class Plugin:
    @hookimpl
    def register_services(self, app):
        documents = core(app).database

        async def count():
            await documents.documents["begun"].insert_one({})
            await asyncio.sleep(3600)

        core(app).tasks.every(86_400, count, once_per_installation=True)
"""


class Counting:
    """A plugin with one task, which counts its calls."""

    name = "nightly"

    def __init__(self, seconds=NIGHT, *, once=True):
        self.seconds, self.once = seconds, once
        self.calls = 0
        self.called = asyncio.Event()
        self.deed = None

    async def count(self):
        self.calls += 1
        self.called.set()
        if self.deed is not None:
            await self.deed()

    @hookimpl
    def register_services(self, app):
        core(app).tasks.every(self.seconds, self.count, once_per_installation=self.once)


async def stored(server):
    return await server.documents["leases"].find_one({"_id": "task:nightly.count"})


def is_done(server):
    """Wait until the task has run, and is due in a night."""

    async def question():
        found = await stored(server)
        return found and found["due"] > found["until"]

    return question


async def test_task_without_once_runs_in_each_process(serve, turned_clock):
    plugins = [Counting(60, once=False), Counting(60, once=False)]
    for plugin in plugins:
        await serve([plugin], clock=turned_clock)
        await plugin.called.wait()
    await turned_clock.advance(180)
    assert [plugin.calls for plugin in plugins] == [4, 4]


async def test_a_task_once_per_installation_runs_once_a_night_over_all_servers(
    serve, turned_clock, eventually
):
    plugins = [Counting(), Counting()]
    servers = [await serve([plugin], clock=turned_clock) for plugin in plugins]
    for nights in range(1, 4):

        async def so_many_nights(nights=nights):
            return sum(plugin.calls for plugin in plugins) == nights

        await eventually(so_many_nights)
        await eventually(is_done(servers[0]))
        for _ in range(int(NIGHT / 4 / 3600)):
            before = sum(plugin.calls for plugin in plugins)
            await turned_clock.advance(3600)
            assert sum(plugin.calls for plugin in plugins) == before == nights
        await turned_clock.advance(NIGHT * 3 / 4)
        await turned_clock.asked(LOOK_SECONDS)
        await turned_clock.advance(LOOK_SECONDS)


async def test_a_restart_does_not_run_a_task_before_its_time(mongodb_uri, serve, eventually):
    first, second = Counting(), Counting()
    settings = load_settings(mongodb_uri=mongodb_uri, jwt_secret=SECRET)
    async with running(create_app(settings, [first])) as server:
        await eventually(is_done(server))
    # The lease was given back: the next process holds it, and finds that nothing is due.
    server = await serve([second])

    async def held():
        return "owner" in await stored(server)

    await eventually(held)
    assert (first.calls, second.calls) == (1, 0)


async def test_a_killed_process_is_replaced_within_twice_the_lease(
    serve_process, serve, mongodb_uri, installed, eventually
):
    environment = {"PYTHONPATH": installed("nightly", MODULE), "QUARTAPP_PLUGINS": "nightly"}
    process = await serve_process(MONGODB_URI=mongodb_uri, JWT_SECRET=SECRET, **environment)
    observer = await serve([])

    async def begun():
        return await observer.documents["begun"].count_documents({})

    await eventually(begun)
    await process.kill()
    clock, plugin = TurnedClock(), Counting()
    await serve([plugin], clock=clock)
    assert plugin.calls == 0
    for _ in range(int(2 * LEASE_SECONDS / LOOK_SECONDS)):
        if not plugin.calls:
            await clock.asked(LOOK_SECONDS)
            await clock.advance(LOOK_SECONDS)
    await plugin.called.wait()
    assert plugin.calls == 1


async def test_a_failure_is_logged_with_the_plugin_counted_and_followed_by_the_next_run(
    serve, turned_clock
):
    plugin = Counting(60, once=False)

    async def fail():
        raise RuntimeError("out of paper")

    plugin.deed = fail
    with structlog.testing.capture_logs() as logs:
        server = await serve([plugin], clock=turned_clock)
        await plugin.called.wait()
        await turned_clock.advance(60)
    failures = [line for line in logs if line["event"] == "task failed"]
    assert [(line["plugin"], line["task"]) for line in failures] == [
        ("nightly (given)", "nightly.count")
    ] * 2
    text = (await server.api.get(f"{server.url}/metrics")).text
    assert 'quartapp_task_failures_total{task="nightly.count"} 2.0' in text
    assert 'quartapp_task_runs_total{task="nightly.count"} 2.0' in text
    (line,) = [line for line in text.splitlines() if line.startswith(LAST_RUN)]
    assert float(line.removeprefix(LAST_RUN)) == turned_clock.time()


async def test_a_stop_ends_a_task_that_is_running(mongodb_uri):
    plugin = Counting()
    plugin.deed = asyncio.Event().wait
    settings = load_settings(mongodb_uri=mongodb_uri, jwt_secret=SECRET)
    async with running(create_app(settings, [plugin])) as server:
        await plugin.called.wait()
        assert (await stored(server))["owner"]
    assert plugin.calls == 1


@pytest.mark.parametrize(("seconds", "reason"), [(0, "needs more than 0 seconds")])
async def test_invalid_task_is_refused_at_build(serve, seconds, reason):
    with pytest.raises(QuartappError, match=f"nightly .given.: .*{reason}"):
        await serve([Counting(seconds)])


async def test_task_can_be_declared_only_at_build(serve):
    plugin = Counting()
    server = await serve([plugin])
    with pytest.raises(QuartappError, match="too late"):
        core(server.app).tasks.every(1, plugin.count)


async def test_the_listing_of_plugins_shows_tasks(run_cli, installed):
    environment = {"PYTHONPATH": installed("nightly", MODULE)}
    status, output, _ = await run_cli("plugins", "--json", **environment)
    rows = {row["name"]: row for row in json.loads(output)["loaded"]}
    assert status == 0
    assert rows["nightly"]["tasks"] == ["count every 86400 s, once per installation"]
    assert rows["attendance"]["tasks"] == [
        "sweep every 2 s, in each process",
        "expire every 2 s, in each process",
    ]
