"""The register of 500 students and 200 sessions as XLSX: time, and memory beside a small one.

Each table is written in a process of its own, which tells its peak of resident memory.

``python bench/exports.py --rounds 5``
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

# A script's own folder comes first on the path, where http.py would hide Python's http.
sys.path[0] = str(Path(__file__).resolve().parents[1])

from bench.visit import Figures  # noqa: E402
from quartapp_reports.tables import Table  # noqa: E402
from quartapp_reports.xlsx_file import XlsxFiles  # noqa: E402

STUDENTS, SESSIONS = 500, 200
SMALL = 5
KIB = 1024


def exports(rounds: int) -> Figures:
    """Measure XLSX files of registers.

    Args:
        rounds: Number of files of each size.
    """
    large = [_measured(STUDENTS) for _ in range(rounds)]
    small = [_measured(SMALL) for _ in range(rounds)]
    return Figures(
        {
            "xlsx_seconds": round(median(seconds for seconds, _ in large), 3),
            "xlsx_mib": round(median(peak for _, peak in large), 1),
            "xlsx_small_mib": round(median(peak for _, peak in small), 1),
        }
    )


def _measured(students: int) -> tuple[float, float]:
    command = [sys.executable, __file__, "--write", str(students)]
    seconds, peak = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)  # noqa: S603 - this file
    return seconds, peak


async def _write(students: int) -> float:
    rows = (
        [
            f"Student {place}",
            f"{place:024x}",
            *("absent" if (place + day) % 11 == 0 else "present" for day in range(SESSIONS)),
        ]
        for place in range(students)
    )
    head = ["Student", "Student ID", *(f"2026-01-01 {day}" for day in range(SESSIONS))]
    table = Table("register", "Bench", "2026-01-01", "2026-12-31", head, [], rows)
    files = XlsxFiles()
    began = time.perf_counter()
    (await files.written(table)).close()
    return time.perf_counter() - began


def main() -> None:
    """Measure, and print one line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="files of each size")
    parser.add_argument("--write", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.write is None:
        print(exports(options.rounds))
        return
    seconds = asyncio.run(_write(options.write))
    # On Linux the unit is KiB.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KIB
    print(json.dumps([seconds, peak]))


if __name__ == "__main__":
    main()
