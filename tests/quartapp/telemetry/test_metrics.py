"""``/metrics``: what is counted, of one process and of several together."""

from __future__ import annotations

import os
import re
import signal

import pytest
from prometheus_client import Counter
from prometheus_client.parser import text_string_to_metric_families

from quartapp.hooks.specs import hookimpl
from quartapp.parts import core


async def read(client):
    """Return samples by name with sorted labels."""
    answer = await client.api.get(f"{client.url}/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    samples = {}
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
            samples[sample.name + (f"{{{labels}}}" if labels else "")] = sample.value
    return samples


async def test_a_roll_call_is_counted(server, lesson, mark, eventually):
    maths = await lesson(server, students=2)
    await maths.start()
    teacher, students = await maths.sockets()
    for student in maths.students:
        await teacher.ask("ATTENDANCE_MARKED", mark(student))
    await teacher.ask("HELLO")
    for socket in students:
        await socket.drain()
    samples = await read(server)
    assert samples["quartapp_sockets"] == 3
    assert samples["quartapp_frames_received_total"] == 5
    assert samples["quartapp_frames_sent_total"] == 2 * 3 + 3
    assert samples["quartapp_marks_total"] == 2
    assert samples["quartapp_commit_seconds_count"] == 2
    assert samples["quartapp_fan_out_seconds_count"] == 2
    assert samples["quartapp_stream_lag_seconds_count"] >= 3
    assert samples["quartapp_outbox_overflows_total"] == 0

    async def one_is_active():
        samples = await read(server)
        return samples.get("quartapp_sessions{state=active}") == 1

    await eventually(one_is_active)
    for socket in (teacher, *students):
        await socket.close()

    async def none_is_open():
        return (await read(server))["quartapp_sockets"] == 0

    await eventually(none_is_open)


async def test_requests_are_counted_by_route_and_never_by_path(server, lesson):
    maths = await lesson(server, students=1)
    for _ in range(3):
        await server.api.get(f"/class/{maths.class_id}", headers=maths.teacher.headers)
    await server.api.get("/class/nonsense", headers=maths.teacher.headers)
    for number in range(5):
        await server.api.get(f"{server.url}/nowhere/{number}")
    await server.api.request("BREW", f"{server.url}/healthz")
    samples = await read(server)
    route = "route=/api/v1/class/<class:class_id>"
    assert samples[f"quartapp_requests_total{{method=GET,{route},status=200}}"] == 3
    assert samples[f"quartapp_requests_total{{method=GET,{route},status=404}}"] == 1
    assert samples["quartapp_requests_total{method=GET,route=none,status=404}"] == 5
    assert samples["quartapp_requests_total{method=other,route=none,status=405}"] == 1
    assert samples[f"quartapp_request_seconds_count{{method=GET,{route}}}"] == 4
    assert not [name for name in samples if "nowhere" in name or maths.class_id in name]


async def test_it_names_nobody(server, lesson, mark):
    maths = await lesson(server, students=1)
    await maths.start()
    teacher = await server.socket(maths.teacher)
    await teacher.ask("ATTENDANCE_MARKED", mark(maths.students[0]))
    text = (await server.api.get(f"{server.url}/metrics")).text
    assert not re.search(r"[0-9a-f]{24}", text)
    assert maths.teacher.token not in text


async def test_switched_off_metrics_have_no_route(serve):
    server = await serve(metrics=False)
    assert (await server.api.get(f"{server.url}/metrics")).status_code == 404
    assert "/metrics" not in (await server.api.get(f"{server.url}/openapi.json")).json()["paths"]
    assert (await server.api.get(f"{server.url}/healthz")).status_code == 200


TOKEN = "a-token.for_metrics~0/+=="


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


PROXIED = {"X-Forwarded-For": "192.0.2.1"}


@pytest.mark.parametrize(
    ("settings", "headers", "status"),
    [
        ({}, {}, 200),
        ({}, PROXIED, 401),
        ({}, {"X-Forwarded-For": "127.0.0.1"}, 401),
        ({}, {"Forwarded": "for=127.0.0.1"}, 401),
        ({}, {"Via": "1.1 proxy"}, 401),
        ({}, {**PROXIED, **bearer("None")}, 401),
        ({"trusted_proxies": 1}, PROXIED, 401),
        ({"trusted_proxies": 1}, {"X-Forwarded-For": "127.0.0.1"}, 401),
        ({"metrics_token": TOKEN}, {}, 200),
        ({"metrics_token": TOKEN}, PROXIED, 401),
        ({"metrics_token": TOKEN}, {**PROXIED, **bearer(TOKEN)}, 200),
        ({"metrics_token": TOKEN, "trusted_proxies": 1}, {**PROXIED, **bearer(TOKEN)}, 200),
        ({"metrics_token": TOKEN}, {**PROXIED, **bearer(TOKEN[:-1])}, 401),
        ({"metrics_token": TOKEN}, {**PROXIED, **bearer("\xe4")}, 401),
        ({"metrics_token": TOKEN}, {**PROXIED, "Authorization": f"Basic {TOKEN}"}, 401),
    ],
)
async def test_metrics_are_for_this_machine_and_for_the_token(serve, settings, headers, status):
    server = await serve(**settings)
    sent = {name: value.encode("latin1") for name, value in headers.items()}
    answer = await server.api.get(f"{server.url}/metrics", headers=sent)
    assert answer.status_code == status
    if status == 401:
        error = {"success": False, "error": "Unauthorized, token missing or invalid"}
        assert answer.json() == error
        assert answer.headers["www-authenticate"] == "Bearer"


async def test_token_of_a_person_reads_no_metrics(serve):
    server = await serve(metrics_token=TOKEN)
    headers = {**(await server.person("teacher")).headers, **PROXIED}
    assert (await server.api.get(f"{server.url}/metrics", headers=headers)).status_code == 401


class Library:
    @hookimpl
    async def startup(self, app):
        lent = Counter("library_books_lent", "Books.", registry=core(app).metrics.registry)
        lent.inc(3)


async def test_plugin_adds_metrics_of_its_own(serve):
    with_it, without = await serve(beside=[Library]), await serve()
    assert (await read(with_it))["library_books_lent_total"] == 3
    assert "library_books_lent_total" not in await read(without)


async def test_missing_shared_folder_is_named(run_cli, tmp_path, mongodb_uri):
    missing = str(tmp_path / "missing")
    status, _, said = await run_cli(
        *("serve", "--port", "0"),
        MONGODB_URI=mongodb_uri,
        JWT_SECRET="s" * 32,
        PROMETHEUS_MULTIPROC_DIR=missing,
    )
    assert status == 2
    assert f"PROMETHEUS_MULTIPROC_DIR names no folder: {missing}" in said


async def test_two_apps_of_one_process_count_for_themselves(serve):
    one, other = await serve(), await serve()
    socket = await one.socket(await one.person("student"))
    assert (await read(one))["quartapp_sockets"] == 1
    assert (await read(other))["quartapp_sockets"] == 0
    await socket.close()


async def test_sockets_that_were_refused_are_counted(serve):
    server = await serve(max_sockets=1)
    student = await server.person("student")
    await server.socket(student)
    assert await (await server.socket(student)).closed() == 1013
    assert (await read(server))["quartapp_sockets_refused_total"] == 1


async def test_several_processes_are_summed_whichever_is_asked(
    serve_process, mongodb_uri, lesson, mark, eventually, tmp_path
):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    process = await serve_process(
        *("--workers", "2"), MONGODB_URI=mongodb_uri, JWT_SECRET="s" * 32, TMPDIR=str(scratch)
    )
    (shared,) = scratch.glob("quartapp-metrics-*")
    assert list(shared.glob("*.db"))
    for kind in ("counter", "histogram", "gauge_livesum", "gauge_max"):
        # A worker that starts makes its files first, and fills them afterwards.
        (shared / f"{kind}_1.db").touch()
    maths = await lesson(process.client, students=1)
    await maths.start()
    teachers = {pid: await process.socket_on(pid, maths.teacher) for pid in process.workers}
    for teacher in teachers.values():
        await teacher.send("ATTENDANCE_MARKED", mark(maths.students[0]))
    for teacher in teachers.values():
        for _ in teachers:
            await teacher.receive()
    before = (await read(process.client))["quartapp_sockets"]
    assert before >= 2

    async def all_are_counted():
        samples = await read(process.client)
        return (
            samples["quartapp_marks_total"] == 2
            and samples.get("quartapp_sessions{state=active}") == 1
            and samples["quartapp_sockets"] == 2
        )

    # Those that were opened on the other process, and closed, are gone a moment later.
    await eventually(all_are_counted)
    killed = next(iter(teachers))
    os.kill(killed, signal.SIGKILL)

    async def one_is_left():
        workers = process.workers
        if killed in workers or len(workers) < 2:
            return False
        return (await read(process.client))["quartapp_sockets"] == 1

    await eventually(one_is_left)
    assert (await read(process.client))["quartapp_marks_total"] == 2, "a counter outlives it"
    assert await process.terminate() == 0
    assert not list(scratch.iterdir()), "nothing is left behind"
