"""The files of the pages: how large the first page is, and the units of its scripts."""

from __future__ import annotations

import gzip
import shutil
import subprocess
from pathlib import Path

from playwright.async_api import expect

from tests.web.rolls import called_lesson, row

UNITS = Path(__file__).parent / "units"
MOST_BYTES = 60_000
DEADLINE_SECONDS = 120


def test_units_of_the_scripts():
    node = shutil.which("node")
    assert node, "this test needs Node, such as Debian's package nodejs"
    files = sorted(map(str, UNITS.glob("*.test.mjs")))
    assert files
    done = subprocess.run(  # noqa: S603 - our own files
        [node, "--test", *files], capture_output=True, text=True, timeout=DEADLINE_SECONDS
    )
    assert done.returncode == 0, done.stdout + done.stderr


async def test_roll_call_is_60_kilobytes_at_the_most(serve, visit):
    names = [f"Student with a long name {number:02}" for number in range(30)]
    visitor, teacher, *_ = await called_lesson(serve, visit, names)
    responses = []
    address = visitor.page.url
    await visitor.page.close()
    # Another browser has nothing of the page yet.
    visitor = await visit(visitor.server, teacher)
    visitor.page.on("response", lambda response: responses.append(response))
    await visitor.page.goto(address, wait_until="networkidle")
    await expect(row(visitor.page, "name 00")).to_be_visible()
    # An answer 304 would have no body to weigh.
    assert all(one.status == 200 for one in responses), [one.status for one in responses]
    sizes = {one.url: len(gzip.compress(await one.body())) for one in responses}
    assert {"roll.js", "live.js", "style.css"} <= {url.rpartition("/")[2] for url in sizes}
    assert sum(sizes.values()) <= MOST_BYTES, sizes
