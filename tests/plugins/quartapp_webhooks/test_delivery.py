"""Messages that arrive: what is in them, in which order, and how often."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, is_dataclass

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

import quartapp_attendance.happenings as attendance
import quartapp_auth.happenings as auth
import quartapp_classes.happenings as classes
from quartapp import core
from quartapp_attendance.plugin import AttendancePlugin
from quartapp_auth.plugin import AuthPlugin
from quartapp_classes.plugin import ClassesPlugin
from quartapp_classes.testing import class_room
from quartapp_webhooks.service import WebhookService


def arrived(receiver, count):
    async def enough():
        return len(receiver.requests) >= count

    return enough


def settled(server, outbox):
    """Nothing waits any more."""

    async def none_waits():
        return not await outbox(server, lane={"$exists": True})

    return none_waits


async def test_events_of_a_session_arrive_as_signed_messages_in_order(
    serve, lesson, mark, receiver, configure, eventually
):
    configure(receiver)
    server = await serve(extra_plugins=("webhooks",))
    maths = await lesson(server, students=1)
    await maths.start()
    socket = await server.socket(maths.teacher)
    await socket.ask("ATTENDANCE_MARKED", mark(maths.students[0], "present"))
    await socket.ask("DONE")
    await eventually(arrived(receiver, 7))
    assert receiver.types == [
        "user.registered",
        "user.registered",
        "class.created",
        "student.added",
        "session.started",
        "attendance.marked",
        "session.done",
    ]
    judge = Webhook(receiver.secret)
    for received in receiver.requests:
        judge.verify(received.body, received.headers)
    assert len(set(receiver.ids)) == 7
    marked = receiver.requests[5]
    session_id = marked.message["data"]["sessionId"]
    first = receiver.requests[4].message["data"]["seq"]
    assert marked.path == "/hook"
    assert marked.headers["content-type"] == "application/json"
    assert marked.message == {
        "type": "attendance.marked",
        "timestamp": marked.message["timestamp"],
        "data": {
            "sessionId": session_id,
            "classId": maths.class_id,
            "studentId": maths.students[0].id,
            "status": "present",
            "by": maths.teacher.id,
            "via": None,
            "seq": first + 1,
        },
    }
    assert receiver.requests[6].message["data"] == {
        "sessionId": session_id,
        "classId": maths.class_id,
        "present": 1,
        "absent": 0,
        "total": 1,
        "seq": first + 2,
    }


async def test_a_signature_covers_the_id_and_the_body(
    serve, happen, receiver, configure, eventually
):
    configure(receiver)
    server = await serve(extra_plugins=("webhooks",))
    await happen(server, 1)
    await eventually(arrived(receiver, 1))
    received = receiver.requests[0]
    judge = Webhook(receiver.secret)
    judge.verify(received.body, received.headers)
    with pytest.raises(WebhookVerificationError):
        judge.verify(received.body + b" ", received.headers)
    with pytest.raises(WebhookVerificationError):
        judge.verify(received.body, {**received.headers, "webhook-id": "msg_another"})


async def test_a_former_secret_signs_as_well(
    serve, happen, receiver, receivers, configure, eventually
):
    former = (await receivers()).secret
    endpoint = {"url": receiver.url, "secret": receiver.secret, "former_secret": former}
    configure(endpoint)
    server = await serve(extra_plugins=("webhooks",))
    await happen(server, 1)
    await eventually(arrived(receiver, 1))
    received = receiver.requests[0]
    for secret in (receiver.secret, former):
        Webhook(secret).verify(received.body, received.headers)


async def test_an_endpoint_gets_the_events_it_names(serve, receivers, configure, eventually):
    all_of_them, some = await receivers(), await receivers()
    named = {"url": some.url, "secret": some.secret, "events": ["class.created"]}
    configure(all_of_them, named)
    server = await serve(extra_plugins=("webhooks",))
    teacher = await server.person("teacher")
    await class_room(server, teacher)
    await eventually(arrived(all_of_them, 2))
    await eventually(arrived(some, 1))
    assert some.types == ["class.created"]
    # One message, wherever it goes.
    assert some.ids == all_of_them.ids[1:]


@dataclass(frozen=True)
class LibraryCardLent:
    card_number: int


async def test_event_of_another_plugin_is_sent(serve, receiver, configure, eventually):
    configure(receiver)
    server = await serve(extra_plugins=("webhooks",))
    await core(server.app).plugins.on_event(LibraryCardLent(7))
    await eventually(arrived(receiver, 1))
    message = receiver.requests[0].message
    assert (message["type"], message["data"]) == ("library_card.lent", {"cardNumber": 7})


@pytest.mark.parametrize("first", [500, 404, 429, 302, "hang"])
async def test_message_that_the_receiver_refused_is_sent_again_with_its_id(
    serve, happen, receiver, configure, eventually, in_time, turned_clock, outbox, first
):
    configure(receiver, timeout_seconds=60)
    receiver.answers += [first, first]
    server = await serve(extra_plugins=("webhooks",), clock=turned_clock)
    await happen(server, 1)
    for attempt in (1, 2):
        await in_time(arrived(receiver, attempt))
        if first == "hang":
            await turned_clock.asked(60)
            await turned_clock.advance(60)
    await in_time(arrived(receiver, 3))
    await eventually(settled(server, outbox))
    assert len(receiver.requests) == 3
    assert len({(received.id, received.body) for received in receiver.requests}) == 1
    for received in receiver.requests:
        Webhook(receiver.secret).verify(received.body, received.headers)
    assert await outbox(server) == []


async def test_pause_that_a_receiver_asks_for_is_kept(
    serve, happen, receiver, configure, eventually, outbox, turned_clock
):
    async def busy(writer):
        writer.write(b"HTTP/1.1 503 x\r\nretry-after: 120\r\ncontent-length: 0\r\n\r\n")
        await writer.drain()

    configure(receiver)
    receiver.answers.append(busy)
    server = await serve(extra_plugins=("webhooks",), clock=turned_clock)
    await happen(server, 1)

    async def postponed():
        return await outbox(server, attempts=1)

    (delivery,) = await eventually(postponed)
    assert delivery["reason"] == "answered 503"
    assert delivery["due"].timestamp() - turned_clock.time() == 120


async def test_a_redirect_is_not_followed(
    serve, happen, receiver, receivers, configure, eventually, outbox
):
    inside = await receivers()

    async def redirect(writer):
        head = f"HTTP/1.1 307 x\r\nlocation: {inside.url}\r\ncontent-length: 0\r\n\r\n"
        writer.write(head.encode())
        await writer.drain()

    configure(receiver, tries=1)
    receiver.answers.append(redirect)
    server = await serve(extra_plugins=("webhooks",))
    await happen(server, 1)
    await eventually(settled(server, outbox))
    (delivery,) = await outbox(server)
    assert "expires" in delivery
    assert delivery["reason"] == "answered 307, and redirects are not followed"
    assert inside.connections == 0


async def test_endless_answer_is_read_up_to_a_limit(
    serve, happen, receiver, configure, eventually, outbox
):
    written = 0

    async def endless(writer):
        nonlocal written
        writer.write(b"HTTP/1.1 200 x\r\ntransfer-encoding: chunked\r\n\r\n")
        while not receiver.closing.is_set():
            writer.write(b"10000\r\n" + bytes(0x10000) + b"\r\n")
            await writer.drain()
            written += 0x10000

    configure(receiver, timeout_seconds=60)
    receiver.answers.append(endless)
    server = await serve(extra_plugins=("webhooks",))
    await happen(server, 1)
    await eventually(settled(server, outbox))
    assert len(receiver.requests) == 1
    # What was written beyond the limit lay in buffers of the two sockets.
    assert written < 50_000_000


async def test_slow_answer_counts_by_its_first_line(
    serve, happen, receiver, configure, eventually, outbox, turned_clock, monkeypatch
):
    begun = asyncio.Event()

    async def drip(writer):
        writer.write(b"HTTP/1.1 200 x\r\ncontent-length: 1000\r\n\r\n.")
        await writer.drain()
        await receiver.closing.wait()

    configure(receiver, timeout_seconds=60)
    receiver.answers.append(drip)
    server = await serve(extra_plugins=("webhooks",), clock=turned_clock)
    (sender,) = core(server.app).services.get(WebhookService)._senders.values()
    send = sender._transport.handle_async_request

    async def noted(request):
        response = await send(request)
        begun.set()
        return response

    monkeypatch.setattr(sender._transport, "handle_async_request", noted)
    await happen(server, 1)
    await begun.wait()
    await turned_clock.advance(60)
    await eventually(settled(server, outbox))
    assert await outbox(server) == []
    assert len(receiver.requests) == 1


async def test_after_the_last_try_a_delivery_is_dead_and_kept(
    serve, happen, receiver, configure, eventually, outbox
):
    configure(receiver, tries=3)
    receiver.answers += [500, 502, 503]
    server = await serve(extra_plugins=("webhooks",))
    await happen(server, 1)
    await eventually(settled(server, outbox))
    (delivery,) = await outbox(server)
    assert ("expires" in delivery, delivery["attempts"]) == (True, 3)
    assert delivery["reason"] == "answered 503"
    assert delivery["data"]["type"] == "user.registered"
    # The next one is not held up by it.
    await happen(server, 1, first=1)
    await eventually(arrived(receiver, 4))
    assert len(set(receiver.ids)) == 2


async def test_receiver_that_hangs_does_not_delay_another(
    serve, happen, receivers, configure, eventually
):
    silent, well = await receivers(), await receivers()
    silent.answers += ["hang"] * 10
    configure(silent, well, timeout_seconds=60)
    server = await serve(extra_plugins=("webhooks",))
    await happen(server, 5)
    await eventually(arrived(well, 5))
    assert len(silent.requests) == 1


async def test_receiver_that_is_down_for_an_hour_delays_its_own_messages_only(
    serve, happen, receivers, configure, eventually, turned_clock, outbox
):
    down, well = await receivers(), await receivers()
    down.answers += [500] * 1000
    configure(down, well, longest_pause_seconds=20, timeout_seconds=60, tries=100)
    server = await serve(extra_plugins=("webhooks",), clock=turned_clock)
    await happen(server, 5)
    await eventually(arrived(well, 5))

    async def all_failed():
        return len(await outbox(server, attempts={"$gte": 1})) == 5

    def only_those_of_the_other_are_left(number):
        async def question():
            return len(await outbox(server)) == number

        return question

    await eventually(all_failed)
    # A request that is under way would not outlive the hour.
    await eventually(only_those_of_the_other_are_left(5))
    await turned_clock.advance(3600)
    await happen(server, 5, first=5)
    await eventually(arrived(well, 10))
    await eventually(only_those_of_the_other_are_left(10))
    down.answers.clear()

    async def all_arrived():
        await turned_clock.advance(1)
        return await settled(server, outbox)()

    await eventually(all_arrived)
    assert set(down.ids) == set(well.ids)
    assert len(well.requests) == 10


async def test_two_servers_on_one_database_deliver_each_message_once(
    serve, happen, receiver, configure, eventually, outbox
):
    configure(receiver, per_endpoint=3)
    one, other = (
        await serve(extra_plugins=("webhooks",)),
        await serve(extra_plugins=("webhooks",)),
    )
    await asyncio.gather(happen(one, 50), happen(other, 50, first=50))
    await eventually(settled(one, outbox))
    assert len(receiver.requests) == 100
    assert len(set(receiver.ids)) == 100


async def test_endpoint_has_no_more_requests_under_way_than_allowed(
    serve, happen, receivers, configure, eventually
):
    busy, free = await receivers(), asyncio.Semaphore(0)

    async def answer_when_free(writer):
        await free.acquire()
        writer.write(b"HTTP/1.1 204 x\r\n\r\n")
        await writer.drain()

    busy.answers += [answer_when_free] * 12
    configure({"url": busy.url, "secret": busy.secret}, per_endpoint=2, timeout_seconds=60)
    server = await serve(extra_plugins=("webhooks",))
    await happen(server, 12)
    for count in range(2, 13):
        await eventually(arrived(busy, count))
        free.release()
    assert busy.most_under_way == 2
    free.release()


async def test_without_the_plugin_no_message_is_stored(server, happen):
    await happen(server, 1)
    assert "outbox" not in await server.documents.list_collection_names()
    with pytest.raises(Exception, match="there is no service"):
        core(server.app).services.get(WebhookService)


async def test_healthy_endpoint_is_served_beside_any_number_that_hang(
    serve, happen, receivers, configure, eventually, turned_clock
):
    silent, well = await receivers(), await receivers()
    endpoints = [{"url": f"{silent.url}{n}", "secret": silent.secret} for n in range(12)]
    silent.answers += ["hang"] * 1000
    configure(*endpoints, well, timeout_seconds=60)
    # The clock stands still: no attempt at a silent endpoint ends, and no look is repeated.
    server = await serve(extra_plugins=("webhooks",), clock=turned_clock, database_timeout=60)
    await happen(server, 1)
    await eventually(arrived(silent, 12))
    await happen(server, 5, first=1)
    await eventually(arrived(well, 6))
    assert silent.under_way == len(silent.requests) == 12


async def test_order_of_two_marks_of_one_student_follows_from_seq(
    serve, lesson, mark, receiver, configure, eventually
):
    configure({"url": receiver.url, "secret": receiver.secret, "events": ["attendance.marked"]})
    one = await serve(extra_plugins=("webhooks",))
    other = await serve(extra_plugins=("webhooks",))
    maths = await lesson(one, students=3)
    await maths.start()
    sockets = [await server.socket(maths.teacher, version=1) for server in (one, other)]
    shown = {}
    for number in range(6):
        data = mark(maths.students[0], ("present", "absent")[number % 2])
        frame = await sockets[number % 2].ask("ATTENDANCE_MARKED", data, ref=str(number))
        shown[frame["seq"]] = (data["studentId"], data["status"])
        # The other server's socket gets the broadcast too.
        assert (await sockets[1 - number % 2].receive())["seq"] == frame["seq"]
    await sockets[0].send("MARK_REST", {"status": "absent"})
    rest = await sockets[0].until("ROLL_MARKED")
    for number, student_id in enumerate(reversed(rest["data"]["studentIds"])):
        shown[rest["seq"] - number] = (student_id, "absent")
    await eventually(arrived(receiver, 8))
    messages = [received.message for received in receiver.requests]
    told = {
        one["data"]["seq"]: (one["data"]["studentId"], one["data"]["status"]) for one in messages
    }
    assert told == shown
    # Of marks of one student, a later number has no earlier time.
    times = [one["timestamp"] for one in sorted(messages, key=lambda one: one["data"]["seq"])]
    assert times == sorted(times)


def test_bundled_plugins_declare_all_their_events():
    declared = {
        happening
        for plugin in (AuthPlugin, ClassesPlugin, AttendancePlugin)
        for happening in plugin.happenings
    }
    written = {
        found
        for module in (auth, classes, attendance)
        for found in vars(module).values()
        if is_dataclass(found)
    }
    assert declared == written
