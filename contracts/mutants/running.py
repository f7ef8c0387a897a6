"""The run of the contract suite on a copy of the code with one mistake."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from mutants.patches import COPIED, plant

if TYPE_CHECKING:
    from pathlib import Path

    from mutants.patches import Mutant

SUITE = "contracts/quartapp_contract_suite"
RESULTS = "mutant-results.xml"
# What is not started cannot be tested, so the mistake is none that a server could have.
NO_SERVER = "ServerDiedError"
TESTS_FAILED, ALL_PASSED = 1, 0


class NotRunError(Exception):
    """A run of the suite that says nothing about the mistake; has pytest's output."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a mistake.

    Attributes:
        mutant: The mistake.
        caught_by: The first test that failed; None when all passed.
        seconds: Time until that test failed, in seconds, the start of the server included.
        narrow: Whether the part that runs first has caught the mistake.
        message: What the test says, in a line.
    """

    mutant: Mutant
    caught_by: str | None
    seconds: float
    narrow: bool
    message: str = ""


def run(mutant: Mutant, folder: Path, depth: str, *, whole: bool = True) -> Outcome:
    """Plant a mistake, run the suite until a test fails, and take the mistake out again.

    Args:
        mutant: The mistake.
        folder: A copy of the code.
        depth: Depth of the suite: ``quick``, ``default`` or ``deep``.
        whole: Whether to run the whole suite when the part named by the patch notices nothing.

    Raises:
        PatchError: The patch does not fit the code.
        NotRunError: The suite could not run.
    """
    begun = time.monotonic()
    plant(mutant, folder)
    try:
        failed = _first_failure(folder, depth, mutant.first)
        narrow = failed is not None
        if failed is None and whole:
            failed = _first_failure(folder, depth, (".",))
    finally:
        plant(mutant, folder, take_out=True)
    seconds = time.monotonic() - begun
    if failed is None:
        return Outcome(mutant, None, seconds, narrow=False)
    test, message = failed
    return Outcome(mutant, test, seconds, narrow, message)


def _first_failure(folder: Path, depth: str, part: tuple[str, ...]) -> tuple[str, str] | None:
    results = folder / RESULTS
    results.unlink(missing_ok=True)
    path = os.pathsep.join(str(folder / name) for name in ("", *COPIED[1:3]))
    done = subprocess.run(  # noqa: S603 - pytest, with the arguments of a patch
        [
            *(sys.executable, "-m", "pytest", "-x", "-q", "--tb=line", "-p", "no:randomly"),
            *("--contract-depth", depth, "--junitxml", str(results)),
            *(_in_suite(folder, word) for word in part),
        ],
        # Not the suite's folder, whose package "http" would hide Python's own.
        cwd=folder,
        # What was compiled beforehand is enough.
        env={**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode == ALL_PASSED:
        return None
    if done.returncode != TESTS_FAILED or NO_SERVER in done.stdout:
        raise NotRunError(done.stdout[-3000:])
    return _failed(results)


def _in_suite(folder: Path, word: str) -> str:
    """Return an argument of pytest, with the folder of the suite before names of its files."""
    file, *test = word.split("::")
    return "::".join((f"{SUITE}/{file}", *test)) if (folder / SUITE / file).exists() else word


def _failed(results: Path) -> tuple[str, str]:
    # The file is our own.
    for case in ET.parse(results).iter("testcase"):  # noqa: S314
        for kind in ("failure", "error"):
            found = case.find(kind)
            if found is not None:
                place = case.get("classname", "").split("quartapp_contract_suite.")[-1]
                message = (found.get("message") or "").strip().splitlines() or [""]
                return f"{place}::{case.get('name')}", message[0]
    raise NotRunError("pytest failed, and names no test")
