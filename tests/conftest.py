"""Fixtures of our own tests, beside those of ``quartapp.testing.fixtures``."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib.util
import sys
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import trustme
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from quartapp.hooks.discovery import OPTIONAL_GROUP
from quartapp.testing.processes import surroundings
from quartapp_auth.signing_in import passwords
from quartapp_classes.testing import class_room
from tests.support.mongod import Mongod
from tests.support.pymongo_sockets import closed_when_cancelled

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
    from contextlib import AbstractAsyncContextManager
    from types import ModuleType

    from quartapp.testing import Client, Person, Socket, TestServer, TurnedClock


DEADLINE_SECONDS = 300.0
# Fixtures that start processes.
IN_PROCESSES = frozenset({"run_cli", "serve_process", "serve_workers"})
# The least that bcrypt takes.
QUICK_COST = 4


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[object]:
    """Leave what is imported out of the searches for garbage, which would look at all of it."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests of optional plugins, and those that start servers or commands as processes."""
    plugins = Path(__file__).parent / "plugins"
    optional = {plugins / f"quartapp_{one.name}" for one in entry_points(group=OPTIONAL_GROUP)}
    for item in items:
        if not optional.isdisjoint(item.path.parents):
            item.add_marker(pytest.mark.optional)
        if IN_PROCESSES.intersection(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.processes)


@pytest.fixture(scope="session", autouse=True)
def cancelled_openings() -> Iterator[None]:
    """Close sockets that PyMongo leaves open, so that they fail no test."""
    with closed_when_cancelled():
        yield


@pytest.fixture(scope="session", autouse=True)
def cost_of_passwords() -> Iterator[int]:
    """Make passwords of servers in this process cheap; provide the cost that they have elsewhere.

    Tests make thousands of people, and the hash of each would take 60 ms.
    """
    cost = passwords.COST
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "COST", QUICK_COST)
        yield cost


@dataclass(frozen=True)
class Lesson:
    """A class with its people, on one server."""

    client: Client
    teacher: Person
    students: list[Person]
    class_room: dict[str, Any] = field(default_factory=dict)

    @property
    def class_id(self) -> str:
        return self.class_room["_id"]

    async def start(self) -> None:
        answer = await self.client.api.post(
            "/attendance/start", json={"classId": self.class_id}, headers=self.teacher.headers
        )
        assert answer.status_code == 200, answer.text

    async def session(self) -> dict[str, Any] | None:
        """Return the live session as the teacher sees it."""
        answer = await self.client.api.get("/attendance/session", headers=self.teacher.headers)
        return answer.json()["data"] if answer.status_code == 200 else None

    async def my_attendance(self, student: Person) -> str | None:
        answer = await self.client.api.get(
            f"/attendance/{self.class_id}/my-attendance", headers=student.headers
        )
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]["status"]

    async def records(self) -> list[str | None]:
        """Each student's latest record, in the order of :attr:`students`."""
        return [await self.my_attendance(student) for student in self.students]

    async def sockets(self) -> tuple[Socket, list[Socket]]:
        """Open a socket of the teacher, and one of each student."""
        teacher = await self.client.socket(self.teacher)
        return teacher, [await self.client.socket(student) for student in self.students]


@pytest.fixture
def lesson() -> Callable[..., Awaitable[Lesson]]:
    """Return a function that makes a class: ``await lesson(server, students=2, teacher=None)``."""

    async def make(client: Client, students: int = 2, teacher: Person | None = None) -> Lesson:
        teacher = teacher or await client.person("teacher")
        people = await client.people("student", students)
        return Lesson(client, teacher, people, await class_room(client, teacher, people))

    return make


@pytest.fixture
def mark() -> Callable[[Person, str], dict[str, str]]:
    """Return a function that makes the data of a mark: ``mark(student, "present")``."""
    return lambda student, status="present": {"studentId": student.id, "status": status}


@pytest.fixture
def eventually() -> Callable[[Callable[[], Awaitable[Any]]], Awaitable[Any]]:
    """Return a function that waits for a true answer of a question, and fails after a deadline."""

    async def ask(question: Callable[[], Awaitable[Any]]) -> Any:
        async with asyncio.timeout(DEADLINE_SECONDS):
            while not (answer := await question()):  # noqa: ASYNC110 - nobody signals this
                await asyncio.sleep(0.02)
        return answer

    return ask


@pytest.fixture
def turning() -> Callable[[TurnedClock, float], AbstractAsyncContextManager[None]]:
    """``async with turning(clock, 0.1)``: whoever waits for 0.1 s gets them at once."""

    async def turn(clock: TurnedClock, seconds: float) -> None:
        while True:
            await clock.asked(seconds)
            await clock.advance(seconds)

    @contextlib.asynccontextmanager
    async def meanwhile(clock: TurnedClock, seconds: float) -> AsyncIterator[None]:
        task = asyncio.create_task(turn(clock, seconds))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    return meanwhile


@pytest.fixture
def run_cli(tmp_path: Path) -> Callable[..., Awaitable[tuple[int, str, str]]]:
    """Return a function that runs ``quartapp``, and returns exit status, output and errors."""

    async def run(
        *arguments: str, stdin: str | None = None, **environment: str
    ) -> tuple[int, str, str]:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "quartapp.cli", *arguments),
            cwd=tmp_path,
            env={**surroundings(), **environment},
            stdin=asyncio.subprocess.DEVNULL if stdin is None else asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(2 * DEADLINE_SECONDS):
                output, errors = await process.communicate(
                    None if stdin is None else stdin.encode()
                )
        except TimeoutError:
            process.kill()
            output, errors = await process.communicate()
            raise AssertionError(f"it does not end: {output!r} {errors!r}") from None
        assert process.returncode is not None
        return process.returncode, output.decode(), errors.decode()

    return run


@pytest.fixture
def own_mongod(tmp_path: Path) -> Iterator[Callable[..., Mongod]]:
    """Return a function that starts a mongod: ``own_mongod("--replSet", "test")``."""
    started = []

    def start(*options: str) -> Mongod:
        mongod = Mongod(tmp_path / f"mongod{len(started)}", options)
        started.append(mongod)
        mongod.start()
        return mongod

    yield start
    for mongod in started:
        mongod.end()


@pytest.fixture
def trusted_authority(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> trustme.CA:
    """Provide a certificate authority that this machine trusts."""
    made = trustme.CA()
    made.cert_pem.write_to_path(tmp_path / "authority.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    return made


@pytest.fixture
def session_states() -> Callable[[TestServer], Awaitable[list[str]]]:
    """Return a function that reads the states of all sessions in a database, oldest first."""

    async def read(server: TestServer) -> list[str]:
        found = await server.documents["sessions"].find({}).sort("_id").to_list()
        return [document["state"] for document in found]

    return read


class Collector(ThreadingHTTPServer):
    """Takes spans over HTTP, as OpenTelemetry's collector does."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Receiver)
        self.spans: list[Any] = []
        self.resources: list[Any] = []
        self.raw = b""
        self.held = threading.Event()  # until which it answers nothing
        self.held.set()
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.raw += body
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            self.server.resources.append(resource.resource)
            for scope in resource.scope_spans:
                self.server.spans += scope.spans
        self.server.held.wait()
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def collector() -> Iterator[Collector]:
    """Provide a collector of traces."""
    server = Collector()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def hook_examples() -> Path:
    """Return the folder of the documentation's examples of hooks."""
    return Path(__file__).parent.parent / "docs" / "examples" / "hooks"


@pytest.fixture
def example(hook_examples: Path) -> Callable[[str], ModuleType]:
    """Return a function that imports an example of the documentation: ``example("authorize")``."""

    def load(name: str, folder: Path = hook_examples) -> ModuleType:
        spec = importlib.util.spec_from_file_location(f"example_{name}", folder / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load


@pytest.fixture
def clock_in_process(installed: Callable[..., str]) -> str:
    """Return the ``PYTHONPATH`` of a process whose clock ``process.advance(60)`` turns."""
    source = "from quartapp.testing.process_clock import ProcessClock as Plugin\n"
    return installed("process_clock", source)


@pytest.fixture
def installed(tmp_path: Path) -> Callable[..., str]:
    """Installs a plugin in a folder, and returns that for ``PYTHONPATH``.

    ``installed("greeting", source, "Plugin")`` is a distribution ``greeting 1.0`` with one module.
    """

    def install(name: str, source: str, plugin: str = "Plugin") -> str:
        folder = tmp_path / "installed"
        information = folder / f"{name}-1.0.dist-info"
        information.mkdir(parents=True)
        (information / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
        )
        (information / "entry_points.txt").write_text(f"[quartapp]\n{name} = {name}:{plugin}\n")
        (folder / f"{name}.py").write_text(source)
        return str(folder)

    return install
