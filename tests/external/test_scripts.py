"""The scripts of the pages have the types that they say. ``tox -e external`` runs it, with npm."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

HERE = Path(__file__).parent / "typescript"
STATIC = Path(__file__).parents[2] / "plugins" / "quartapp_web" / "static"
INSTALL_SECONDS, RUN_SECONDS = 300, 120


def run(folder: Path, seconds: int, *words: str) -> None:
    done = subprocess.run(  # noqa: S603 - our own words
        words, cwd=folder, capture_output=True, text=True, timeout=seconds
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_scripts_of_the_pages_are_typed(tmp_path: Path) -> None:
    npm = shutil.which("npm")
    assert npm, "this test needs npm"
    shutil.copytree(HERE, tmp_path, dirs_exist_ok=True)
    shutil.copytree(STATIC, tmp_path / "static")
    shutil.copy(STATIC.parent / "worker.js", tmp_path / "static")
    assert list((tmp_path / "static").glob("*.js"))
    run(tmp_path, INSTALL_SECONDS, npm, "ci", "--no-audit", "--no-fund")
    run(tmp_path, RUN_SECONDS, str(tmp_path / "node_modules" / ".bin" / "tsc"))
