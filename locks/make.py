"""Make the lock files anew, or check that they are current.

    python locks/make.py            keeps each version that pyproject.toml still permits
    python locks/make.py --upgrade  takes the newest versions
    python locks/make.py --check    changes nothing, and fails if a version would change

uv resolves for all systems and Pythons, with the package index alone.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
# What each file is made from: the project with extras, and dependency groups.
LOCKS = {
    "image": [
        "pyproject.toml",
        "--extra=backup",
        "--extra=checkin",
        "--extra=icalendar",
        "--extra=mail",
        "--extra=oneroster",
        "--extra=telemetry",
        "--extra=webhooks",
        "--extra=xlsx",
    ],
    "build": ["--group=build"],
    "tox": ["--group=tox"],
    "ci": [
        "pyproject.toml",
        "--all-extras",
        "--group=dev",
        "--group=web",
        "--group=locks",
        "--group=advisories",
        "--group=build",
    ],
}


def made(name: str, folder: Path, *options: str) -> str:
    """Return the text of a lock file.

    Args:
        name: Name of the file in this folder, without ``.txt``.
        folder: Folder for the new file.
        options: Further options of ``uv pip compile``.
    """
    new = folder / f"{name}.txt"
    if (HERE / new.name).exists():
        shutil.copy(HERE / new.name, new)  # uv keeps these versions
    command = [
        *(sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--universal"),
        *("--python-version", "3.11", "--generate-hashes", "--no-annotate", "--no-header"),
        *(
            "--no-emit-index-url",
            "--no-emit-find-links",
            "--output-file",
            str(new),
            *options,
            *LOCKS[name],
        ),
    ]
    subprocess.run(command, cwd=ROOT, check=True)  # noqa: S603 - our own words
    return new.read_text(encoding="utf-8")


def versions(text: str) -> list[str]:
    """Return the lines of a lock file without hashes: a release may get further files later."""
    lines = [line.removesuffix(" \\") for line in text.splitlines()]
    return [line for line in lines if not line.startswith("    --hash=")]


def main(arguments: list[str]) -> int:
    """Make or check all files, and return the exit status."""
    if "--check" not in arguments:
        with tempfile.TemporaryDirectory() as folder:
            for name in LOCKS:
                text = made(name, Path(folder), *arguments)
                (HERE / f"{name}.txt").write_text(text, encoding="utf-8")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        stale = [
            f"locks/{name}.txt"
            for name in LOCKS
            if versions(made(name, Path(folder)))
            != versions((HERE / f"{name}.txt").read_text(encoding="utf-8"))
        ]
    if stale:
        print(f"{', '.join(stale)}: not what pyproject.toml asks for; run python locks/make.py")
    return int(bool(stale))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
