"""What a restart, a crash or an absent database does to messages: it loses none."""

from __future__ import annotations

import asyncio
import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from bson import ObjectId
from click.testing import CliRunner
from standardwebhooks.webhooks import Webhook

from quartapp import DatabaseUnavailableError, core, create_app, load_settings, main
from quartapp.clock import SYSTEM_CLOCK
from quartapp.database.outbox import STOP_SECONDS
from quartapp.hooks.changes import PAUSE_SECONDS
from quartapp.hooks.discovery import discover
from quartapp.testing import SECRET, running
from quartapp.testing.servers import patience
from quartapp_auth.happenings import UserRegistered
from quartapp_webhooks.earlier import move_into_outbox

pytestmark = pytest.mark.processes


def one_run(mongodb_uri, clock=SYSTEM_CLOCK, **settings):
    """A server that is stopped within the test."""
    settings = {**patience(clock), **settings}
    complete = load_settings(mongodb_uri=mongodb_uri, jwt_secret=SECRET, **settings)
    return running(create_app(complete, discover(extra=("webhooks",)), clock=clock))


# How long a server of these tests waits for a database that does not answer. A busy machine is no
# such database.
DATABASE_SECONDS = 15.0


async def test_what_waits_when_a_server_stops_is_delivered_by_the_next(
    mongodb_uri, serve, happen, receiver, configure, eventually, in_time, turned_clock, outbox
):
    # The clock goes on while a request is under way.
    configure(receiver, pause_seconds=0.5, timeout_seconds=60)
    receiver.answers += [500] * 10
    async with one_run(mongodb_uri, turned_clock) as server:
        await happen(server, 10)

        async def all_were_tried():
            return len({received.id for received in receiver.requests}) == 10

        await eventually(all_were_tried)
        waiting = await outbox(server)
    assert len(waiting) == len(receiver.requests) == 10
    server = await serve(extra_plugins=("webhooks",), clock=turned_clock)

    async def nothing_waits():
        return not await outbox(server)

    await in_time(nothing_waits)
    assert {entry["data"]["message"] for entry in waiting} == set(receiver.ids[10:])


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
    server = await serve(extra_plugins=("webhooks",))

    async def again():
        return len(receiver.requests) == 2

    await eventually(again)
    assert len(set(receiver.ids)) == 1


async def test_a_process_killed_between_an_answer_and_its_message_loses_nothing(
    serve_process, serve, mongodb_uri, receiver, configure, eventually, outbox
):
    environment = configure(receiver, timeout_seconds=60)
    receiver.answers.append("hang")
    process = await serve_process(
        *("--plugin", "webhooks"), MONGODB_URI=mongodb_uri, JWT_SECRET=SECRET, **environment
    )
    people = await process.client.people("student", 3)
    # All are answered; the first message is under way, and the two behind it wait.
    await process.kill()
    receiver.answers.clear()
    observer = await serve()
    assert len(await outbox(observer)) == 3
    # The lease of what was under way runs out.
    expired = [{"$set": {"due": "$created", "place": "$created"}}]
    await observer.documents["outbox"].update_many({}, expired)
    tried = len(receiver.requests)
    server = await serve(extra_plugins=("webhooks",))

    async def nothing_waits():
        return not await outbox(server)

    await eventually(nothing_waits)
    delivered = receiver.requests[tried:]
    told = {received.message["data"]["userId"] for received in delivered}
    assert told == {person.id for person in people}
    assert set(receiver.ids[:tried]) <= {received.id for received in delivered}
    assert len(delivered) == 3


async def test_a_killed_process_tells_of_the_session_that_it_began(
    serve_process, serve, lesson, mongodb_uri, receiver, configure, eventually
):
    environment = configure(receiver)
    receiver.answers.append("hang")
    process = await serve_process(
        *("--plugin", "webhooks"), MONGODB_URI=mongodb_uri, JWT_SECRET=SECRET, **environment
    )
    maths = await lesson(process.client, students=0)
    await maths.start()
    await process.kill()
    receiver.answers.clear()
    server = await serve(extra_plugins=("webhooks",))
    session = await server.documents["sessions"].find_one({})

    async def told():
        return "session.started" in receiver.types

    await eventually(told)
    begun = receiver.requests[receiver.types.index("session.started")]
    Webhook(receiver.secret).verify(begun.body, begun.headers)
    assert begun.message["data"] == {
        "sessionId": str(session["_id"]),
        "classId": maths.class_id,
        "teacherId": maths.teacher.id,
        "seq": session["seq"],
    }


async def test_a_change_that_the_database_did_not_take_is_not_told_of(
    own_mongod, serve, happen, receiver, configure, eventually
):
    configure(receiver)
    mongod = own_mongod("--replSet", "test")
    server = await serve(
        extra_plugins=("webhooks",), mongodb_uri=mongod.uri, database_timeout=DATABASE_SECONDS
    )
    with mongod.frozen(), pytest.raises(DatabaseUnavailableError):
        await happen(server, 1)
    await happen(server, 1, first=1)
    await eventually(lambda: _has(receiver, 1))
    people = await server.documents["people"].find().to_list()
    told = [received.message["data"]["userId"] for received in receiver.requests]
    assert (told, [person["number"] for person in people]) == (["1"], [1])


async def _has(receiver, count):
    return len(receiver.requests) >= count


async def test_an_event_that_is_only_told_waits_for_the_database(
    own_mongod, serve, receiver, configure, in_time, turned_clock
):
    configure(receiver, timeout_seconds=60)
    mongod = own_mongod("--replSet", "test")
    server = await serve(
        extra_plugins=("webhooks",),
        mongodb_uri=mongod.uri,
        clock=turned_clock,
        database_timeout=DATABASE_SECONDS,
    )
    plugins = core(server.app).plugins
    with mongod.frozen():
        for number in range(10):
            await plugins.on_event(UserRegistered(str(number), "student"))
        await turned_clock.asked(PAUSE_SECONDS)

    async def all_arrived():
        # A lane that still asks the database would wait for this clock when the server stops.
        return len(receiver.requests) == 10 and not core(server.app).outbox._lanes

    await in_time(all_arrived)
    told = [received.message["data"]["userId"] for received in receiver.requests]
    assert told == [str(number) for number in range(10)]


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
    await eventually(lambda: _has(receiver, 1))
    assert receiver.requests[0].message["data"] == {"userId": "7", "role": "student"}


async def test_what_an_earlier_version_kept_waiting_is_delivered(
    serve, mongodb_uri, receiver, configure, eventually, outbox, run_cli, monkeypatch
):
    monkeypatch.setattr("quartapp_webhooks.earlier.BATCH", 10)
    environment = configure(receiver)
    now = datetime.now(UTC)
    endpoint = hashlib.sha256(receiver.url.encode()).hexdigest()[:16]

    def delivery(number, state, **fields):
        message = f"msg_{number:024}"
        common = {
            "_id": f"{message}:{endpoint}",
            "message": message,
            "endpoint": endpoint,
            "type": "user.registered",
            "body": '{"type":"user.registered"}',
            "state": state,
            "order": ObjectId(),
            "created": now,
            "due": now,
            "attempts": 0,
        }
        return common | fields

    documents = (await serve()).documents
    waiting = [delivery(number, "waiting") for number in range(25)]
    dead = delivery(25, "dead", reason="answered 500", expires=now + timedelta(days=30))
    delivered = delivery(26, "delivered", expires=now + timedelta(days=2))
    await documents["webhook_outbox"].insert_many([*waiting, dead, delivered])
    # A process that was killed in the middle had stored some, and not deleted them yet.
    await move_into_outbox(core((await serve()).app).database)
    await documents["webhook_outbox"].insert_many(waiting[:10])
    assert await documents["outbox"].count_documents({}) == 26

    server = await serve(extra_plugins=("webhooks",))

    async def only_the_dead_is_left():
        return [entry["data"]["message"] for entry in await outbox(server)] == [dead["message"]]

    await eventually(only_the_dead_is_left)
    assert sorted(receiver.ids) == [one["message"] for one in waiting]
    names = await documents.list_collection_names()
    assert not {"webhook_outbox", "webhook_endpoints"} & set(names)
    _, shown, _ = await run_cli(
        "webhooks",
        "--retry-dead",
        MONGODB_URI=mongodb_uri,
        QUARTAPP_EXTRA_PLUGINS="webhooks",
        **environment,
    )
    assert "1 deliveries wait again." in shown
    assert "last problem: answered 500" in shown
    await eventually(lambda: _has(receiver, 26))
    assert receiver.ids[-1] == dead["message"]


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
        return len(await outbox(server, expires={"$exists": True})) == 4

    await eventually(four_dead)
    configure(endpoint, tries=1)
    shown = await run_command(monkeypatch, mongodb_uri)
    assert shown.exit_code == 0, shown.output
    assert shown.output.splitlines() == [
        f"{receiver.url}?…",
        "    events: user.registered",
        f"    kind in the outbox: {hashlib.sha256(endpoint['url'].encode()).hexdigest()[:16]}",
        "    waiting: 0, dead: 2",
        "    last problem: answered 500",
        "2 deliveries are kept for endpoints that are no longer configured.",
    ]
    tried = len(receiver.requests)
    mine = receiver.ids
    again = await run_command(monkeypatch, mongodb_uri, "--retry-dead")
    assert "2 deliveries wait again." in again.output

    async def delivered():
        return len(await outbox(server)) == 2

    await eventually(delivered)
    assert sorted(receiver.ids[tried:]) == sorted(receiver.ids[:tried]) == sorted(mine)

    forgotten = await run_command(monkeypatch, mongodb_uri, "--forget-removed")
    assert "2 deliveries deleted." in forgotten.output
    assert "no longer configured" not in forgotten.output
    assert await outbox(server) == []


async def test_the_command_says_how_to_begin(monkeypatch, mongodb_uri, tmp_path):
    monkeypatch.chdir(tmp_path)
    shown = await run_command(monkeypatch, mongodb_uri)
    assert shown.exit_code == 0, shown.output
    assert "\nNo endpoints: list them in quartapp.toml" in f"\n{shown.output}"
