"""One run of schemathesis, in a process of its own, speaking for one person or for nobody."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence


PREFIX = "http cases"
SECONDS = "http seconds"
UNDECLARED = "(methods that a path does not have)"

CASES_PER_OPERATION = 66
# Each of their cases may cost a bcrypt hash, which is meant to be slow.
CASES_WITH_BCRYPT = 24
WITH_BCRYPT = ("registerUser", "login", "assignmentSignUp", "assignmentLogin")
# How often a value that exists takes the place of one that was made up.
KNOWN_IDS = 0.4
TIMEOUT_SECONDS = 900
CONFIGURATION = Path(__file__).parent / "schemathesis.toml"


class Speaker(Protocol):
    """A person for whom requests are made.

    Attributes:
        id: The person's ``_id``.
        authorization: Headers of the person's requests.
    """

    @property
    def id(self) -> str: ...

    @property
    def authorization(self) -> Mapping[str, str]: ...


@dataclass(frozen=True, slots=True)
class Known:
    """What exists on the server, so that cases get past "not found".

    Attributes:
        people: Ids of people, for where a student is asked for.
        classes: Ids of classes.
    """

    people: Sequence[str]
    classes: Sequence[str]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a run.

    Attributes:
        status: The exit status; 0 when every check of every case held.
        output: What schemathesis printed: failures, each with a curl line.
        counts: Requests that were answered and checked, by operation.
        seconds: How long it took.
    """

    status: int
    output: str
    counts: Mapping[str, int]
    seconds: float

    @property
    def total(self) -> int:
        """All requests."""
        return sum(self.counts.values())

    def __add__(self, later: Outcome) -> Outcome:
        """Both runs as one."""
        counts = Counter(self.counts)
        counts.update(later.counts)
        return Outcome(
            self.status or later.status,
            self.output + later.output,
            counts,
            self.seconds + later.seconds,
        )

    def record(self, role: str, record_property: Callable[[str, object], None]) -> None:
        """Put the counts, and how long it took, into the test's report."""
        for operation, count in sorted(self.counts.items()):
            record_property(f"{PREFIX}: {operation} by {role}", count)
        record_property(SECONDS, round(self.seconds, 1))


def fuzz(
    document: str,
    base_url: str,
    folder: Path,
    known: Known,
    peers: Sequence[Speaker] = (),
    *,
    seed: int = 0,
    share: float = 1.0,
) -> Outcome:
    """Try every operation of a document on a server, with every check.

    Args:
        document: OpenAPI, a file or a URL.
        base_url: The server.
        folder: Where files of the run may be left.
        known: What exists there.
        peers: People of one role who must not see one another's things; the first one is spoken
            for. Nobody when left out.
        seed: Where generated cases begin; 0 for the same ones each time.
        share: How much of the usual number of generated cases to try.
    """
    config = folder / "schemathesis.toml"
    config.write_text(_configuration(folder, known, peers, share), encoding="utf-8")
    events = folder / "events.ndjson"
    began = time.monotonic()
    done = subprocess.run(  # noqa: S603 - our own command
        [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(config)),
            *("run", document, "--url", base_url, "--no-color"),
            *("--max-examples", str(round(CASES_PER_OPERATION * share))),
            *(("--seed", str(seed)) if seed else ("--generation-deterministic",)),
            *("--report", "ndjson", "--report-ndjson-path", str(events)),
        ],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    seconds = time.monotonic() - began
    counts = _counts(events) if events.exists() else {}
    return Outcome(done.returncode, done.stdout, counts, seconds)


def summary_lines(properties: Iterable[tuple[str, object]]) -> list[str]:
    """What to print at the end of a run: a table of operations and roles, or nothing.

    Args:
        properties: ``user_properties`` of all reports of the run.
    """
    cells: Counter[tuple[str, str]] = Counter()
    seconds = 0.0
    for name, value in properties:
        if name.startswith(f"{PREFIX}: "):
            operation, _, role = name.removeprefix(f"{PREFIX}: ").rpartition(" by ")
            cells[operation, role] += int(str(value))
        elif name == SECONDS:
            seconds += float(str(value))
    if not cells:
        return []
    roles = list(dict.fromkeys(role for _, role in cells))
    operations = sorted({operation for operation, _ in cells})
    lines = ["".join(f"{role:>10}" for role in roles) + "  HTTP cases"]
    lines += [
        "".join(f"{cells[operation, role]:>10,}" for role in roles) + f"  {operation}"
        for operation in operations
    ]
    sums = "".join(f"{sum(n for (_, r), n in cells.items() if r == role):>10,}" for role in roles)
    return [*lines, f"{sums}  in all: {cells.total():,} HTTP cases in {seconds:.0f} s"]


def _configuration(folder: Path, known: Known, peers: Sequence[Speaker], share: float) -> str:
    """The configuration beside the suite, with what belongs to this run alone."""
    parts = [CONFIGURATION.read_text(encoding="utf-8")]
    if peers:
        people = folder / "people.json"
        people.write_text(json.dumps({"auth": [_identity(person) for person in peers]}))
        parts.append(
            f"[auth.wfc]\npath = {json.dumps(str(people))}\nuser = {json.dumps(peers[0].id)}\n"
            f"peers = {json.dumps([person.id for person in peers])}\n"
        )
    parts.append(
        f"[dictionaries]\npeople = {{ values = {json.dumps(list(known.people))} }}\n"
        f"classes = {{ values = {json.dumps(list(known.classes))} }}\n[parameters]"
    )
    parts += [
        f'"{where}" = {{ dictionary = "{dictionary}", probability = {KNOWN_IDS} }}'
        for where, dictionary in (
            ("path.class_id", "classes"),
            ("path.student_id", "people"),
            ("body.classId", "classes"),
            ("body.studentId", "people"),
            ("query.classId", "classes"),
        )
    ]
    parts.append(
        f"[[operations]]\ninclude-operation-id = {json.dumps(WITH_BCRYPT)}\n"
        f"generation.max-examples = {round(CASES_WITH_BCRYPT * share)}\n"
    )
    return "\n".join(parts)


def _identity(person: Speaker) -> dict[str, Any]:
    headers = [{"name": name, "value": value} for name, value in person.authorization.items()]
    return {"name": person.id, "fixedHeaders": headers}


def _counts(events: Path) -> dict[str, int]:
    """Requests by operation (``POST /api/v1/auth/login``), from a run's own record of itself."""
    counts: Counter[str] = Counter()
    with events.open(encoding="utf-8") as lines:
        for line in lines:
            scenario = json.loads(line).get("ScenarioFinished")
            if scenario is None:
                continue
            recorder = scenario["recorder"]
            answered = recorder.get("interactions", {})
            for key, case in recorder.get("cases", {}).items():
                if key in answered:
                    counts[_operation(case["value"])] += 1
    return dict(counts)


def _operation(case: dict[str, Any]) -> str:
    phase = case.get("meta", {}).get("phase", {}).get("data", {})
    if phase.get("scenario") == "unspecified_http_method":
        return UNDECLARED
    return f"{case['method']} {case['path']}"
