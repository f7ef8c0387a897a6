"""``quartapp demo``, run as a person runs it."""

import contextlib
import json
import os
import pty
import re
import shlex
import signal
import string
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from websockets.sync.client import connect

pytestmark = pytest.mark.processes

DEADLINE_SECONDS = 120
DEMO = [sys.executable, "-m", "quartapp.cli", "demo"]
LAST_LINE_OF_KEEP = '{"event": "DONE"}'
SHOW_CURSOR, HIDE_CURSOR = "\x1b[?25h", "\x1b[?25l"


class Surroundings:
    """A folder to start the demo in, and one where it may put its data for a while."""

    def __init__(self, folder: Path) -> None:
        self.cwd = folder / "cwd"
        self.temporary = folder / "tmp"
        self.cwd.mkdir()
        self.temporary.mkdir()
        self.env = {**os.environ, "TMPDIR": str(self.temporary)}

    def run(self, *options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603 - ourselves
            [*DEMO, *options],
            cwd=self.cwd,
            env=self.env,
            capture_output=True,
            encoding="utf-8",
            timeout=DEADLINE_SECONDS,
            check=False,
        )

    @contextlib.contextmanager
    def started(self, *options: str):
        process = subprocess.Popen(  # noqa: S603 - ourselves
            [*DEMO, *options],
            cwd=self.cwd,
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        )
        with process:
            try:
                yield process
            finally:
                process.kill()

    def left_behind(self) -> list[str]:
        """Files, and processes that were told of the folder."""
        processes = subprocess.run(
            ["ps", "-axww", "-o", "command="],  # noqa: S607 - where ps is differs between systems
            capture_output=True,
            encoding="utf-8",
            check=True,
        ).stdout.splitlines()
        return [
            *(str(path) for path in self.temporary.iterdir()),
            *(command for command in processes if str(self.temporary) in command),
        ]


@pytest.fixture
def surroundings(tmp_path):
    return Surroundings(tmp_path)


def lines_until(process, wanted):
    """Return the lines of the process up to the line with ``wanted``."""
    lines = []
    for line in process.stdout:
        lines.append(line.rstrip("\n"))
        if wanted in line:
            return lines
    raise AssertionError(f"{wanted!r} never came:\n" + "\n".join(lines))


def test_demo_prints_plain_lines_despite_settings_of_another_server(surroundings):
    surroundings.env |= {
        "MONGODB_URI": "mongodb://nobody.invalid/",
        "JWT_SECRET": "too short",
        "QUARTAPP_ATTENDANCE_SCOPE": "class",
        "http_proxy": "http://proxy.invalid:1",
    }
    toml = 'mongodb_uri = "mongodb://nobody.invalid/"\nhost = "host.invalid"\n'
    (surroundings.cwd / "quartapp.toml").write_text(toml)

    told = surroundings.run("--fast")

    assert (told.returncode, told.stderr) == (0, ""), told.stdout
    assert all(letter.isprintable() or letter == "\n" for letter in told.stdout)
    assert "31 sockets, 30 broadcasts each, one order" in told.stdout
    assert re.search(
        r"^Watch it in a browser +http://127\.0\.0\.1:\d+/app/roll/[0-9a-f]{24}$",
        told.stdout,
        re.MULTILINE,
    )
    assert len(re.findall(r"seen by 31 sockets in \d+\.\d ms", told.stdout)) == 28
    assert re.search(r"median \d+\.\d ms, slowest \d+\.\d ms, 28 marks", told.stdout)
    assert re.search(r"TODAY_SUMMARY to all 31 sockets .*: 10 present, 2 absent", told.stdout)
    assert "asks MY_ATTENDANCE and alone is told: present" in told.stdout
    assert "24 present, 6 absent (3 by DONE), 30 enrolled" in told.stdout
    for collection, documents in {
        "attendance": 30,
        "classes": 1,
        "sessions": 1,
        "users": 31,
    }.items():
        assert re.search(rf"^  {collection} +{documents}$", told.stdout, re.MULTILINE)
    records = re.findall(
        r" (present|absent) +[0-9:.]{12} UTC  (called|by DONE)$", told.stdout, re.MULTILINE
    )
    assert records.count(("present", "called")) == 24
    assert records.count(("absent", "called")) == 3
    assert records.count(("absent", "by DONE")) == 3
    assert surroundings.left_behind() == []


def test_keep_prints_lines_that_work_and_ends_with_0_on_ctrl_c(surroundings):
    with surroundings.started("--fast", "--keep") as demo:
        lines = lines_until(demo, LAST_LINE_OF_KEEP)
        variables = dict(line.split("=", 1) for line in lines if re.match("[A-Z]+=", line))
        curls = [run_curl(line, variables) for line in lines if line.startswith("curl ")]
        login, me, class_room, my_attendance, start = curls
        assert login["data"]["token"]
        assert me["data"]["name"] == "miriam okafor"
        assert len(class_room["data"][0]["studentsIds"]) == 30
        assert my_attendance["data"]["status"] == "present"
        assert start["data"]["_id"] == variables["CLASS"]

        as_teacher, as_student = (line for line in lines if " -m websockets " in line)
        url = string.Template(shlex.split(as_teacher)[-1]).substitute(variables)
        watching = string.Template(shlex.split(as_student)[-1]).substitute(variables)
        events = [line for line in lines if line.startswith('{"event"')]
        with connect(url) as teacher, connect(watching) as student:
            for event in events:
                teacher.send(event)
                answer = teacher.recv(timeout=DEADLINE_SECONDS)
                assert json.loads(answer)["event"] == json.loads(event)["event"]
                assert student.recv(timeout=DEADLINE_SECONDS) == answer

        demo.send_signal(signal.SIGINT)
        assert "Stopped." in demo.communicate(timeout=DEADLINE_SECONDS)[0]
        assert demo.returncode == 0
    assert surroundings.left_behind() == []


def run_curl(line, variables):
    """Do what a curl line says."""
    words = [string.Template(word).safe_substitute(variables) for word in shlex.split(line)]
    assert words[:2] == ["curl", "-s"]
    url, *options = words[2:]
    given = list(zip(options[::2], options[1::2], strict=True))
    headers = dict(value.split(": ", 1) for option, value in given if option == "-H")
    body = next((value for option, value in given if option == "-d"), None)
    method = "GET" if body is None else "POST"
    answer = httpx.request(method, url, headers=headers, content=body, trust_env=False)
    assert answer.is_success, (line, answer.text)
    return answer.json()


def test_ctrl_c_while_the_roll_is_called_leaves_a_tidy_terminal_and_nothing_else(surroundings):
    ours, theirs = pty.openpty()
    surroundings.env |= {"TERM": "xterm-256color", "COLUMNS": "100", "LINES": "40"}
    with subprocess.Popen(  # noqa: S603 - ourselves
        DEMO, cwd=surroundings.cwd, env=surroundings.env, stdin=theirs, stdout=theirs, stderr=theirs
    ) as demo:
        try:
            os.close(theirs)
            shown = ""
            with os.fdopen(ours, encoding="utf-8", newline="") as terminal:
                while "✗  1 absent" not in shown:
                    shown += terminal.read(1)
                demo.send_signal(signal.SIGINT)
                with contextlib.suppress(OSError):  # how a terminal ends on Linux
                    while letter := terminal.read(1):
                        shown += letter
            assert demo.wait(DEADLINE_SECONDS) == 130
        finally:
            demo.kill()
    words = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)
    assert "✓ Accounts are registered" in words
    assert "╭─  Physics 101  ─" in words
    assert "✓ Aiko Tanaka" in words
    assert "✗ Ben Carter" in words
    assert "· Yusuf Kaya" in words
    assert shown.rindex(SHOW_CURSOR) > shown.rindex(HIDE_CURSOR)
    assert "Traceback" not in shown
    assert surroundings.left_behind() == []


async def test_a_killed_demo_takes_its_server_and_data_with_it(surroundings, eventually):
    with surroundings.started("--fast") as demo:
        lines_until(demo, "Server and MongoDB are up")
        assert len(surroundings.left_behind()) >= 3  # the folder, the server, its mongod
        demo.kill()
    assert await eventually(lambda: nothing(surroundings))


async def nothing(surroundings):
    return not surroundings.left_behind()


def test_without_the_embedded_extra_it_says_what_to_install(surroundings, tmp_path):
    (tmp_path / "fiftyone").mkdir()
    (tmp_path / "fiftyone" / "__init__.py").touch()
    surroundings.env |= {"PYTHONPATH": str(tmp_path), "PATH": str(tmp_path)}

    told = surroundings.run("--fast")

    assert told.returncode == 2
    assert told.stderr.startswith("Error: The demo runs a real MongoDB of its own")
    assert "pip install 'quartapp[embedded]'" in told.stderr
    assert len(told.stderr.splitlines()) == 1
    assert list(surroundings.temporary.iterdir()) == []
