"""The report for people: one HTML file without anything from elsewhere."""

from __future__ import annotations

from collections import defaultdict
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import pytest

# What a browser, and whoever reads, still takes. The JUnit file has all of it.
MOST_LINES = 60
STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "pre{background:#f4f4f4;padding:.75rem;overflow:auto;white-space:pre-wrap}"
    "summary{cursor:pointer}.bad{color:#a00000}.good{color:#006000}"
)


def write_page(
    path: Path,
    server: str,
    reports: Mapping[str, Sequence[pytest.TestReport]],
    notes: Sequence[str],
) -> None:
    """Write the report of a run.

    Args:
        path: The file.
        server: Address or description of the server that was tested.
        reports: Reports of tests by outcome, as pytest's terminal has them.
        notes: Lines about what was not tested, and about numbers of cases.
    """
    path.write_text(page(server, reports, notes), encoding="utf-8")


def page(
    server: str, reports: Mapping[str, Sequence[pytest.TestReport]], notes: Sequence[str]
) -> str:
    """Return the report of a run; the arguments are as for :func:`write_page`."""
    failed = [*reports.get("failed", ()), *reports.get("error", ())]
    passed = sum(report.when == "call" for report in reports.get("passed", ()))
    verdict = (
        f'<p class="bad">The server breaks the contract: {len(failed):,} tests failed.</p>'
        if failed
        else '<p class="good">The server keeps to the contract.</p>'
    )
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            f"<title>The contract: {escape(server)}</title><style>{STYLE}</style></head><body>",
            f"<h1>The contract</h1><p>Server: <code>{escape(server)}</code></p>",
            f"{verdict}<p>{passed:,} tests passed.</p>",
            *_failures(failed),
            *(["<h2>Notes</h2>", f"<pre>{escape(chr(10).join(notes))}</pre>"] if notes else []),
            "</body></html>",
            "",
        ]
    )


def _failures(failed: Sequence[pytest.TestReport]) -> list[str]:
    """Return the failures by the part of the suite, the first of each part in full."""
    if not failed:
        return []
    parts: defaultdict[str, list[pytest.TestReport]] = defaultdict(list)
    for report in failed:
        parts[report.nodeid.partition("[")[0]].append(report)
    lines = ["<h2>What failed</h2>"]
    for part, reports in sorted(parts.items()):
        lines.append(f"<h3>{escape(part)} ({len(reports):,})</h3>")
        for number, report in enumerate(reports):
            name = escape(report.nodeid[len(part) :] or report.nodeid)
            shown = " open" if number == 0 else ""
            text = escape(_shortened(report.longreprtext))
            lines.append(f"<details{shown}><summary>{name}</summary><pre>{text}</pre></details>")
    return lines


def _shortened(text: str) -> str:
    """Return the last lines of a failure, which have what was asked and what came."""
    lines = text.splitlines()
    if len(lines) <= MOST_LINES:
        return text
    left_out = len(lines) - MOST_LINES
    return "\n".join([f"({left_out:,} lines before)", *lines[-MOST_LINES:]])
