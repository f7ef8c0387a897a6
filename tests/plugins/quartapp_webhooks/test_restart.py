"""What a restart, a crash or an absent database does to messages: it loses none."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from click.testing import CliRunner
from standardwebhooks.webhooks import Webhook

from quartapp import core, create_app, load_settings, main
from quartapp.clock import SYSTEM_CLOCK
from quartapp.hooks.discovery import discover
from quartapp.testing import SECRET, running
from quartapp.testing.clients import DEADLINE_SECONDS
from quartapp_auth.happenings import UserRegistered
from quartapp_webhooks.journal import MOST_KEPT, Journal
from quartapp_webhooks.message import message_of
from quartapp_webhooks.models import ENDPOINTS, OUTBOX
from quartapp_webhooks.outbox import Outbox, delivery_of
from quartapp_webhooks.service import STOP_SECONDS, WebhookService


def one_run(mongodb_uri, clock=SYSTEM_CLOCK, **settings):
    """A server that is stopped within the test."""
    complete = load_settings(mongodb_uri=mongodb_uri, jwt_secret=SECRET, **settings)
    return running(create_app(complete, discover(extra=("webhooks",)), clock=clock))


async def test_what_waits_when_a_server_stops_is_delivered_by_the_next(
    mongodb_uri, serve, happen, receiver, configure, eventually, in_time, turned_clock, outbox
):
    configure(receiver, pause_seconds=0.5)
    receiver.answers += [500] * 10
    async with one_run(mongodb_uri, turned_clock) as server:
        await happen(server, 10)

        async def all_were_tried():
            return len({received.id for received in receiver.requests}) == 10

        await eventually(all_were_tried)
        waiting = await outbox(server, state="waiting")
    assert len(waiting) == len(receiver.requests) == 10
    server = await serve(extra_plugins=("webhooks",), clock=turned_clock)

    async def nothing_waits():
        return not await outbox(server, state="waiting")

    await in_time(nothing_waits)
    assert {delivery["message"] for delivery in waiting} == set(receiver.ids[10:])
    assert {delivery["state"] for delivery in await outbox(server)} == {"delivered"}


async def test_a_request_under_way_is_given_back_when_a_server_stops(
    mongodb_uri, serve, happen, receiver, configure, eventually, outbox, turned_clock, turning
):
    configure(receiver, timeout_seconds=60)
    receiver.answers.append("hang")
    async with (
        # What a stop waits for, and no more: the request would have taken much longer.
        turning(turned_clock, STOP_SECONDS),
        one_run(mongodb_uri, turned_clock) as server,
    ):
        await happen(server, 1)

        async def under_way():
            return receiver.under_way

        await eventually(under_way)
        (claimed,) = await outbox(server)
        assert (claimed["due"] - claimed["created"]).total_seconds() > 60
    server = await serve(extra_plugins=("webhooks",))

    async def again():
        return len(receiver.requests) == 2

    await eventually(again)
    assert len(set(receiver.ids)) == 1
    (delivery,) = await outbox(server)
    assert delivery["attempts"] == 0


async def test_a_killed_process_loses_nothing(
    serve_process, serve, mongodb_uri, receiver, configure, eventually, outbox
):
    environment = configure(receiver, timeout_seconds=60)
    receiver.answers.append("hang")
    process = await serve_process(
        *("--plugin", "webhooks"), MONGODB_URI=mongodb_uri, JWT_SECRET=SECRET, **environment
    )
    people = await process.client.people("student", 3)

    async def under_way():
        return receiver.under_way

    await eventually(under_way)
    observer = await serve()

    async def stored():
        return len(await outbox(observer)) == 3

    await eventually(stored)
    await process.kill()
    server = await serve(extra_plugins=("webhooks",))

    async def rest():
        return len(await outbox(server, state="delivered")) == 2

    await eventually(rest)
    # The lease of the one that was under way runs out.
    now = datetime.now(UTC)
    (claimed,) = await outbox(server, state="waiting")
    await server.documents[OUTBOX].update_one({"_id": claimed["_id"]}, {"$set": {"due": now}})

    async def all_of_them():
        return len(receiver.requests) == 4

    await eventually(all_of_them)
    assert receiver.ids[3] == receiver.ids[0]
    told = {received.message["data"]["userId"] for received in receiver.requests}
    assert told == {person.id for person in people}


async def test_sessions_that_nobody_was_told_of_are_told_of_once(
    serve, lesson, mongodb_uri, receiver, receivers, configure, eventually, outbox
):
    configure(receiver)
    async with one_run(mongodb_uri):
        pass
    # It stores what a process had stored that died before it could tell of it.
    silent = await serve()
    maths = await lesson(silent)
    await maths.start()
    socket = await silent.socket(maths.teacher)
    await socket.ask("DONE")
    session = await silent.documents["sessions"].find_one({})

    newcomer = await receivers()
    configure(receiver, newcomer)
    servers = [await serve(extra_plugins=("webhooks",)) for _ in range(2)]

    async def both():
        return len(receiver.requests) == 2

    await eventually(both)
    assert receiver.types == ["session.started", "session.done"]
    done = receiver.requests[1]
    Webhook(receiver.secret).verify(done.body, done.headers)
    assert done.message["data"] == {
        "sessionId": str(session["_id"]),
        "classId": maths.class_id,
        "present": 0,
        "absent": 2,
        "total": 2,
    }
    ended = session["endedAt"].isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert done.message["timestamp"] == ended

    # Looked for once more, they are known; and who was not there is not told of the past.
    service = core(servers[0].app).services.get(WebhookService)
    rows = await servers[0].documents[ENDPOINTS].find({}).to_list()
    since = {row["_id"]: row["since"] for row in rows}
    await service._tell_again(datetime.now(UTC) - timedelta(days=1), since)
    assert len(await outbox(servers[0])) == 2
    assert newcomer.requests == []


async def test_a_session_told_of_in_time_is_not_told_of_again(
    serve, lesson, receiver, configure, eventually, outbox
):
    configure(receiver)
    server = await serve(extra_plugins=("webhooks",))
    maths = await lesson(server, students=0)
    await maths.start()
    other = await lesson(server, students=0, teacher=maths.teacher)
    await other.start()
    expected = ["session.started", "session.superseded", "session.started"]

    async def told():
        return [kind for kind in receiver.types if kind.startswith("session.")] == expected

    await eventually(told)
    before = await outbox(server)
    service = core(server.app).services.get(WebhookService)
    rows = await server.documents[ENDPOINTS].find({}).to_list()
    since = {row["_id"]: row["since"] for row in rows}
    await service._tell_again(datetime.now(UTC) - timedelta(days=1), since)
    assert [d["_id"] for d in await outbox(server)] == [d["_id"] for d in before]


async def test_events_wait_in_memory_while_the_database_is_away(
    serve, own_mongod, receiver, configure, eventually
):
    configure(receiver)
    mongod = own_mongod("--replSet", "test")
    server = await serve(extra_plugins=("webhooks",), mongodb_uri=mongod.uri, database_timeout=1)
    service = core(server.app).services.get(WebhookService)
    with mongod.frozen():
        async with asyncio.timeout(DEADLINE_SECONDS):
            for n in range(10):
                await service.tell(UserRegistered(str(n), "student"))
    await eventually(lambda: _count(receiver, 10))
    told = [received.message["data"]["userId"] for received in receiver.requests]
    assert told == [str(n) for n in range(10)]


async def _count(receiver, count):
    return len(receiver.requests) == count


async def test_of_more_events_than_memory_takes_the_oldest_are_lost(serve, own_mongod, eventually):
    mongod = own_mongod("--replSet", "test")
    server = await serve(mongodb_uri=mongod.uri, database_timeout=1)
    stored = []
    outbox = Outbox(core(server.app).database, SYSTEM_CLOCK)
    journal = Journal(outbox.add, stored.extend, SYSTEM_CLOCK)
    now = datetime.now(UTC)
    message = message_of(UserRegistered("7", "student"), now)
    with mongod.frozen():
        for n in range(MOST_KEPT + 5):
            await journal.record([{**delivery_of(message, "endpoint", now), "_id": str(n)}])
        await eventually(lambda: _is_full(journal))
    await eventually(lambda: _are(stored, MOST_KEPT))
    assert stored[0]["_id"] == "5"
    assert await server.documents[OUTBOX].count_documents({}) >= MOST_KEPT
    await journal.close(STOP_SECONDS)


async def test_an_absent_database_does_not_hold_up_the_end(serve, own_mongod):
    mongod = own_mongod("--replSet", "test")
    server = await serve(mongodb_uri=mongod.uri, database_timeout=1)
    outbox = Outbox(core(server.app).database, SYSTEM_CLOCK)
    journal = Journal(outbox.add, print, SYSTEM_CLOCK)
    now = datetime.now(UTC)
    message = message_of(UserRegistered("7", "student"), now)
    with mongod.frozen():
        async with asyncio.timeout(DEADLINE_SECONDS):
            await journal.record([delivery_of(message, "endpoint", now)])
            await journal.close(STOP_SECONDS)
            # What comes later is tried once, and nobody waits for more.
            await journal.record([delivery_of(message, "endpoint", now)])
        assert (len(journal._waiting), journal._writer) == (0, None)


async def _is_full(journal):
    return len(journal._waiting) == MOST_KEPT


async def _are(found, count):
    return len(found) == count


async def test_events_of_a_command_are_delivered_by_the_next_server(
    serve, mongodb_uri, receiver, configure, eventually
):
    """A command starts no plugin: what it does is told all the same."""
    configure(receiver)
    app = create_app(
        load_settings(mongodb_uri=mongodb_uri, jwt_secret=SECRET), discover(extra=("webhooks",))
    )
    parts = core(app)
    await parts.database.open()
    await parts.plugins.on_event(UserRegistered("7", "student"))
    await parts.plugins.all_told()
    await parts.database.close()
    assert receiver.connections == 0
    await serve(extra_plugins=("webhooks",))
    await eventually(lambda: _count(receiver, 1))
    assert receiver.requests[0].message["data"] == {"userId": "7", "role": "student"}


async def run_command(monkeypatch, mongodb_uri, *arguments):
    monkeypatch.setenv("MONGODB_URI", mongodb_uri)
    monkeypatch.setenv("QUARTAPP_EXTRA_PLUGINS", "webhooks")
    return await asyncio.to_thread(CliRunner().invoke, main, ["webhooks", *arguments])


async def test_the_command_shows_counts_and_lets_the_dead_be_tried_again(
    serve, happen, mongodb_uri, monkeypatch, receiver, receivers, configure, eventually, outbox
):
    receiver.answers += [500, 500]
    gone = await receivers()
    gone.answers += [500] * 2
    endpoint = {
        "url": receiver.url + "?token=hidden",
        "secret": receiver.secret,
        "events": ["user.registered"],
    }
    configure(endpoint, gone, tries=1)
    server = await serve(extra_plugins=("webhooks",))
    await happen(server, 2)

    async def four_dead():
        return len(await outbox(server, state="dead")) == 4

    await eventually(four_dead)
    configure(endpoint, tries=1)
    shown = await run_command(monkeypatch, mongodb_uri)
    assert shown.exit_code == 0, shown.output
    assert shown.output.splitlines() == [
        f"{receiver.url}?…",
        "    events: user.registered",
        "    waiting: 0, dead: 2",
        "    last problem: answered 500",
        "2 deliveries are kept for endpoints that are no longer configured.",
    ]
    tried = len(receiver.requests)
    again = await run_command(monkeypatch, mongodb_uri, "--retry-dead")
    assert "2 deliveries wait again." in again.output

    async def delivered():
        return len(await outbox(server, state="delivered")) == 2

    await eventually(delivered)
    assert sorted(receiver.ids[tried:]) == sorted(receiver.ids[:tried])
    assert all("expires" in delivery for delivery in await outbox(server, state="delivered"))

    forgotten = await run_command(monkeypatch, mongodb_uri, "--forget-removed")
    assert "2 deliveries deleted." in forgotten.output
    assert "no longer configured" not in forgotten.output
    assert {d["state"] for d in await outbox(server)} == {"delivered"}


async def test_the_command_says_how_to_begin(monkeypatch, mongodb_uri, tmp_path):
    monkeypatch.chdir(tmp_path)
    shown = await run_command(monkeypatch, mongodb_uri)
    assert shown.exit_code == 0, shown.output
    assert shown.output.startswith("No endpoints: list them in quartapp.toml")
