"""Traces: sent by OpenTelemetry's protocol to a collector, which is the test's own."""

from __future__ import annotations

import asyncio
import socket
import threading

from quartapp.telemetry.traces import FAREWELL_SECONDS, Traces


def attributes_of(span):
    return {item.key: item.value.string_value or item.value.int_value for item in span.attributes}


async def test_requests_frames_and_commits_are_traced_and_tokens_are_not(
    serve_process, mongodb_uri, lesson, mark, collector
):
    process = await serve_process(
        MONGODB_URI=mongodb_uri,
        JWT_SECRET="s" * 32,
        OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
    )
    maths = await lesson(process.client, students=1)
    await maths.start()
    teacher = await process.client.socket(maths.teacher)
    await teacher.ask("ATTENDANCE_MARKED", mark(maths.students[0]))
    # What does not validate is told in the message of an exception.
    assert (await teacher.ask("AUTH", {"token": [maths.teacher.token]}))["event"] == "ERROR"
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    await process.client.api.get(
        "/auth/me",
        headers={**maths.teacher.headers, "traceparent": f"00-{trace}-00f067aa0ba902b7-01"},
    )
    assert await process.terminate() == 0  # which sends what is left
    spans = {span.name: span for span in collector.spans}
    me = spans["GET /api/v1/auth/me"]
    assert attributes_of(me)["http.route"] == "/api/v1/auth/me"
    assert attributes_of(me)["http.response.status_code"] == 200
    assert me.trace_id.hex() == trace, "it continues the caller's trace"
    frame, commit = spans["frame ATTENDANCE_MARKED"], spans["session commit"]
    assert commit.parent_span_id == frame.span_id
    assert attributes_of(commit)["entries"] == 1
    refused = spans["frame AUTH"]
    assert attributes_of(refused)["error.type"] == "EventError"
    assert not refused.events, "no exception with its message"
    named = {item.key: item.value.string_value for item in collector.resources[0].attributes}
    assert named["service.name"] == "quartapp"
    assert maths.teacher.token.encode() not in collector.raw


async def test_each_commit_is_beneath_a_frame_whose_mark_is_in_it(
    serve_process, mongodb_uri, lesson, mark, collector
):
    process = await serve_process(
        MONGODB_URI=mongodb_uri,
        JWT_SECRET="s" * 32,
        OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
    )
    maths = await lesson(process.client, students=1)
    await maths.start()
    teachers = [await process.client.socket(maths.teacher) for _ in range(6)]
    for _ in range(10):
        for teacher in teachers:
            await teacher.send("ATTENDANCE_MARKED", mark(maths.students[0]))
    for teacher in teachers:
        for _ in range(60):
            await teacher.receive()
    assert await process.terminate() == 0
    frames = {span.span_id for span in collector.spans if span.name == "frame ATTENDANCE_MARKED"}
    commits = [span for span in collector.spans if span.name == "session commit"]
    assert len(frames) == sum(attributes_of(span)["entries"] for span in commits) == 60
    above = [span.parent_span_id for span in commits]
    assert len(set(above)) == len(above), "commits of different marks have different parents"
    assert set(above) <= frames


async def test_a_collector_that_never_answers_holds_up_no_stop(serve_process, mongodb_uri):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        process = await serve_process(
            MONGODB_URI=mongodb_uri,
            JWT_SECRET="s" * 32,
            OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{silent.getsockname()[1]}",
            OTEL_EXPORTER_OTLP_TIMEOUT="3600",
        )
        await process.client.api.get(f"{process.client.url}/healthz")
        assert await process.terminate() == 0, "the exporter would be patient for an hour"


async def test_close_waits_a_moment_for_the_last_spans(monkeypatch, collector, turned_clock):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    held = threading.Event()
    monkeypatch.setattr(collector, "held", held)
    traces = Traces(turned_clock)
    traces.open()
    with traces.span("the last one"):
        pass
    closing = asyncio.create_task(traces.close())
    await turned_clock.asked(FAREWELL_SECONDS)
    await turned_clock.advance(FAREWELL_SECONDS - 0.1)
    assert not closing.done()
    await turned_clock.advance(0.1)
    await closing
    held.set()


async def test_without_the_extra_there_is_one_clear_message(run_cli, tmp_path, mongodb_uri):
    hidden = tmp_path / "path" / "opentelemetry"
    hidden.mkdir(parents=True)
    (hidden / "__init__.py").write_text("raise ImportError('not installed')")
    status, _, said = await run_cli(
        *("serve", "--port", "0"),
        PYTHONPATH=str(hidden.parent),
        MONGODB_URI=mongodb_uri,
        JWT_SECRET="s" * 32,
        OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:1",
    )
    assert status == 2
    assert "pip install 'quartapp[telemetry]'" in said
    assert "Traceback" not in said
