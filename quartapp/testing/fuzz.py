"""One run of schemathesis in its own process, with or without the token of a person."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from quartapp.contract.openapi.normal_form import METHODS

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from quartapp.encoding import JsonObject

UNDECLARED = "(methods that a path does not have)"

CASES_PER_OPERATION = 66
# Probability that a value that exists on the server replaces a generated value.
KNOWN_VALUES = 0.4
TIMEOUT_SECONDS = 900
MOST_LINES = 50
# The part of schemathesis' output that says what is wrong.
_FAILURES = re.compile(
    r"^=+ (?:ERRORS|FAILURES) =+\n(.*?)(?=^=+ SUMMARY =+$|\Z)", re.MULTILINE | re.DOTALL
)
# There, failures stand by operation, each with the checks that did not pass.
_OPERATION = re.compile(r"_+ .+ _+$")
_CASE = re.compile(r"\d+\. Test Case ID")
_REPLAY = re.compile(r"\s*(?:st replay \S+|Reproduce with:)\s*$")
# Every check of schemathesis is on.
CONFIGURATION = """\
# A failure does not hide the next one.
continue-on-failure = true
request-timeout = 20.0

[generation]
mode = "all"
database = "none"

[phases.stateful]
max-steps = 8

[auth]
# A run names its person explicitly, so schemathesis registers no account of its own.
auto-signup = false

[checks]
# Seconds, enough for a busy machine; a request that hangs is found all the same.
max_response_time = 10.0
# The check's own list, and 413: a body that is too long is refused before its schema is looked at.
negative_data_rejection.expected-statuses = [
    "400", "401", "403", "404", "405", "406", "409", "413", "415", "422", "428", "429", "5xx",
]
"""


class Speaker(Protocol):
    """A person for whom schemathesis makes requests."""

    @property
    def id(self) -> str:
        """The person's ``_id``."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers of the person's requests."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An operation that the fuzz does not call.

    Attributes:
        id: Its operationId.
        route: Its method and path (``GET /api/v1/sign-on``).
        why: The reason.
    """

    id: str
    route: str
    why: str

    def __str__(self) -> str:
        return f"{self.route}: {self.why}"


def left_out_of(document: JsonObject) -> list[LeftOut]:
    """Return the operations of an OpenAPI document that are not to be fuzzed."""
    return [
        LeftOut(operation["operationId"], f"{method.upper()} {path}", operation["x-not-fuzzed"])
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method in METHODS and "x-not-fuzzed" in operation
    ]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of a run.

    Attributes:
        status: The exit status; 0 if every check of every case passed.
        output: The output of schemathesis: failures, each with a curl command.
        counts: Number of requests that were answered and checked, by operation.
        seconds: Duration of the run, in seconds.
    """

    status: int
    output: str = field(repr=False)
    counts: Mapping[str, int] = field(repr=False)
    seconds: float

    @property
    def told(self) -> str:
        """The failures by operation, the first of each kind with its answer and a curl command.

        They are ``MOST_LINES`` lines at most; without a failure, the output.
        """
        found = _FAILURES.search(self.output)
        text = found[1] if found else self.output
        lines = [line for line in text.splitlines() if line.strip() and not _REPLAY.match(line)]
        lines = _first_of_each_kind(lines)
        more = len(lines) - MOST_LINES
        return "\n".join(
            [*lines[: MOST_LINES - 1], f"and {more + 1} more lines"] if more > 0 else lines
        )

    @property
    def total(self) -> int:
        """Number of all requests."""
        return sum(self.counts.values())

    def __add__(self, later: Outcome) -> Outcome:
        """Return the outcome of both runs together."""
        counts = Counter(self.counts)
        counts.update(later.counts)
        return Outcome(
            self.status or later.status,
            self.output + later.output,
            counts,
            self.seconds + later.seconds,
        )


def _first_of_each_kind(lines: list[str]) -> list[str]:
    """Return the lines of a report without cases that failed as one before them did."""
    kept: list[str] = []
    kinds: Counter[tuple[str, ...]] = Counter()
    for block in _blocks(lines):
        if _OPERATION.match(block[0]):
            kinds.clear()
        kind = tuple(line for line in block if line.startswith("- "))
        kinds[kind] += 1
        if not _CASE.match(block[0]) or kinds[kind] == 1:
            kept += block
        elif kinds[kind] == 2:
            kept.append(f"more cases with: {'; '.join(line[2:] for line in kind)}")
    return kept


def _blocks(lines: list[str]) -> list[list[str]]:
    """Return lines in blocks, of which each begins with an operation or a case."""
    blocks: list[list[str]] = []
    for line in lines:
        if not blocks or _OPERATION.match(line) or _CASE.match(line):
            blocks.append([])
        blocks[-1].append(line)
    return blocks


def fuzz(
    document: str,
    base_url: str,
    folder: Path,
    *,
    peers: Sequence[Speaker] = (),
    known: Mapping[str, Sequence[str]] | None = None,
    left_out: Collection[LeftOut] = (),
    configuration: str = "",
    seed: int = 0,
    share: float = 1.0,
) -> Outcome:
    """Test every operation of a document on a server, with every check of schemathesis.

    Args:
        document: Path or URL of an OpenAPI document.
        base_url: Address of the server, without a path.
        folder: Folder for the files of the run.
        peers: People of one role who must not see each other's resources; requests are made for
            the first person, who may be alone. Without people, requests carry no token.
        known: Values that exist on the server, so that cases get past "not found". A key is the
            place and the name of a parameter or field: ``path.user_id``, ``body.userId``.
        left_out: Operations of the document that are not called.
        configuration: Further TOML of schemathesis' configuration, such as an ``[[operations]]``
            table that exempts one operation from one check.
        seed: Seed of the generated cases; 0 generates the same cases each time.
        share: Share of the usual number of generated cases; 1.0 generates all cases.
    """
    config = folder / "schemathesis.toml"
    further = "\n".join([configuration, *map(_switched_off, left_out)])
    config.write_text(_configuration(folder, known or {}, peers, further), encoding="utf-8")
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


def _configuration(
    folder: Path, known: Mapping[str, Sequence[str]], peers: Sequence[Speaker], further: str
) -> str:
    """Return the configuration of one run, as TOML."""
    parts = [CONFIGURATION]
    if peers:
        people = folder / "people.json"
        people.write_text(json.dumps({"auth": [_identity(person) for person in peers]}))
        parts.append(
            f"[auth.wfc]\npath = {json.dumps(str(people))}\nuser = {json.dumps(peers[0].id)}\n"
        )
        if len(peers) > 1:
            parts[-1] += f"peers = {json.dumps([person.id for person in peers])}\n"
    if known:
        parts.append("[dictionaries]")
        parts += [
            f"known{number} = {{ values = {json.dumps(list(values))} }}"
            for number, values in enumerate(known.values())
        ]
        parts.append("[parameters]")
        parts += [
            f'"{place}" = {{ dictionary = "known{number}", probability = {KNOWN_VALUES} }}'
            for number, place in enumerate(known)
        ]
    return "\n".join([*parts, further])


def _switched_off(operation: LeftOut) -> str:
    # The document keeps the operation: a fuzz that did not know of it would call its method as one
    # that the path does not have.
    return f"[[operations]]\ninclude-operation-id = {json.dumps(operation.id)}\nenabled = false\n"


def _identity(person: Speaker) -> dict[str, Any]:
    headers = [{"name": name, "value": value} for name, value in person.headers.items()]
    return {"name": person.id, "fixedHeaders": headers}


def _counts(events: Path) -> dict[str, int]:
    """Return the number of requests by operation (``POST /api/v1/auth/login``) from a report."""
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
