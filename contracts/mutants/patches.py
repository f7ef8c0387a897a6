"""The patches of this folder: what is wrong in each, and the copy of the code that gets it.

A patch begins with three lines, ``Area: …``, ``Mistake: …`` and ``First: …``; the last one has the
arguments of pytest for the part of the suite that should notice.
"""

from __future__ import annotations

import compileall
import random
import shlex
import shutil
import subprocess
from dataclasses import dataclass
from importlib.util import cache_from_source
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

HERE = Path(__file__).parent
TOP = HERE.parent.parent
COPIED = ("quartapp", "plugins", "contracts", "openapi.yaml")
SUFFIX = ".patch"
CHANGED = "+++ b/"


class PatchError(Exception):
    """A patch that cannot be read, or that does not fit the code."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One mistake.

    Attributes:
        name: Name of the patch, without its suffix.
        area: Part of the server, such as ``accounts``.
        mistake: The mistake, in a sentence.
        first: Arguments of pytest for the part of the suite that runs first.
        path: The patch.
    """

    name: str
    area: str
    mistake: str
    first: tuple[str, ...]
    path: Path


def mutants() -> list[Mutant]:
    """Return all mistakes, sorted by name.

    Raises:
        PatchError: The head of a patch lacks a line.
    """
    return [_read(path) for path in sorted(HERE.glob(f"*{SUFFIX}"))]


def drawn(found: Sequence[Mutant], number: int, seed: str) -> list[Mutant]:
    """Return some mistakes by lot; the same text draws the same ones.

    Args:
        found: All mistakes.
        number: Number of mistakes to draw.
        seed: The text, such as the name of a commit.
    """
    lot = random.Random(seed)  # noqa: S311 - a draw, no secret
    return lot.sample(list(found), min(number, len(found)))


def copy_code(folder: Path) -> None:
    """Copy what a server and the suite are made of, and compile it.

    Each run starts several processes, which would all compile the code.

    Args:
        folder: An empty folder.
    """
    for name in COPIED:
        source = TOP / name
        if source.is_dir():
            ignored = shutil.ignore_patterns("__pycache__", "node_modules")
            shutil.copytree(source, folder / name, ignore=ignored)
        else:
            shutil.copy2(source, folder / name)
    compileall.compile_dir(folder, quiet=1, workers=1)


def plant(mutant: Mutant, folder: Path, *, take_out: bool = False) -> None:
    """Put a mistake into a copy of the code, or take it out again.

    Args:
        mutant: The mistake.
        folder: The copy.
        take_out: Whether to take the mistake out.

    Raises:
        PatchError: The patch does not fit the code.
    """
    _apply(mutant, folder, *(("--reverse",) if take_out else ()))
    for name in changed_files(mutant):
        # Python would take what was compiled in the same second for the changed file.
        Path(cache_from_source(str(folder / name))).unlink(missing_ok=True)


def check(mutant: Mutant, folder: Path = TOP) -> None:
    """Find out whether a patch still fits the code, and change nothing.

    Args:
        mutant: The mistake.
        folder: The code.

    Raises:
        PatchError: The patch does not fit.
    """
    _apply(mutant, folder, "--check")


def changed_files(mutant: Mutant) -> list[str]:
    """Return the files that a patch changes, from the top of the checkout.

    Args:
        mutant: The mistake.
    """
    lines = mutant.path.read_text(encoding="utf-8").splitlines()
    return [line.removeprefix(CHANGED) for line in lines if line.startswith(CHANGED)]


def _apply(mutant: Mutant, folder: Path, *options: str) -> None:
    # One line of context has to be the same, so that changes nearby do not matter. A folder that is
    # no checkout of its own must not be taken for a part of the one around.
    done = subprocess.run(  # noqa: S603 - git, with a patch of ours
        ["git", "apply", "-C1", *options, str(mutant.path)],  # noqa: S607 - as on the path
        cwd=folder,
        env={"PATH": _path(), "GIT_CEILING_DIRECTORIES": str(folder.parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise PatchError(f"{mutant.path.name} does not fit the code:\n{done.stderr.strip()}")


def _path() -> str:
    found = shutil.which("git")
    if found is None:
        raise PatchError("patches are applied by git, which is not installed")
    return str(Path(found).parent)


def _read(path: Path) -> Mutant:
    head: dict[str, str] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("--- "):
            break
        name, separator, value = line.partition(": ")
        if separator:
            head[name] = value.strip()
    missing = {"Area", "Mistake", "First"} - head.keys()
    if missing:
        raise PatchError(f"{path.name} lacks {', '.join(sorted(missing))}")
    return Mutant(path.stem, head["Area"], head["Mistake"], tuple(shlex.split(head["First"])), path)
