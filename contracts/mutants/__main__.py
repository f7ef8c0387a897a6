"""``python -m mutants``: plant mistakes one at a time, and see which test of the suite notices."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from mutants.patches import TOP, Mutant, PatchError, check, copy_code, drawn, mutants
from mutants.running import NotRunError, Outcome, run
from mutants.table import caught, merged, table

DEPTHS = ("quick", "default", "deep")
TABLE = TOP / "docs" / "architecture" / "mutants.md"


def main(arguments: list[str] | None = None) -> int:
    """Run the command, and return its exit status.

    Args:
        arguments: Arguments of the command; those of the process by default.

    Returns:
        0 when each mistake was caught, 1 when one was not, 2 when one could not be planted.
    """
    asked = _parser().parse_args(arguments)
    try:
        chosen = _chosen(asked)
        for mutant in chosen:
            check(mutant)
    except PatchError as error:
        print(error, file=sys.stderr)
        return 2
    outcomes: list[Outcome] = []
    broken = False
    with tempfile.TemporaryDirectory(prefix="quartapp-mutants-") as folder:
        copy_code(Path(folder))
        for mutant in chosen:
            try:
                outcome = run(mutant, Path(folder), asked.depth, whole=not asked.narrow)
            except (PatchError, NotRunError) as error:
                broken = True
                print(f"{mutant.name}: not run\n{error}", file=sys.stderr, flush=True)
                continue
            outcomes.append(outcome)
            print(_line(outcome), flush=True)
            if asked.table:
                merged(TABLE, table([outcome]))
    number = sum(outcome.caught_by is not None for outcome in outcomes)
    print(f"{number} of {len(chosen)} mistakes were caught")
    if broken:
        return 2
    return 0 if number == len(chosen) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m mutants", description=__doc__)
    parser.add_argument("name", nargs="*", help="mistakes to plant; all of them by default")
    parser.add_argument("--depth", choices=DEPTHS, default="quick", help="depth of the suite")
    parser.add_argument("--draw", type=int, metavar="N", help="plant N mistakes, drawn by --by")
    parser.add_argument("--by", default="", metavar="TEXT", help="text that draws, as of a commit")
    parser.add_argument(
        "--noted", action="store_true", help="only mistakes that the table says are caught"
    )
    parser.add_argument(
        "--narrow", action="store_true", help="run only the part that each patch names"
    )
    parser.add_argument(
        "--table", action="store_true", help=f"note the outcomes in {TABLE.relative_to(TOP)}"
    )
    return parser


def _chosen(asked: argparse.Namespace) -> list[Mutant]:
    found = mutants()
    if asked.name:
        known = {mutant.name: mutant for mutant in found}
        unknown = [name for name in asked.name if name not in known]
        if unknown:
            raise PatchError(f"there is no patch {', '.join(unknown)}")
        found = [known[name] for name in asked.name]
    if asked.noted:
        noted = caught(TABLE)
        found = [mutant for mutant in found if mutant.name in noted]
    return found if asked.draw is None else drawn(found, asked.draw, asked.by)


def _line(outcome: Outcome) -> str:
    if outcome.caught_by is None:
        return f"{outcome.mutant.name}: NOT CAUGHT in {outcome.seconds:.0f} s"
    where = "" if outcome.narrow else ", by another part than the patch names"
    said = f"{outcome.mutant.name}: caught in {outcome.seconds:.0f} s{where}"
    return f"{said}\n    {outcome.caught_by}\n    {outcome.message[:160]}"


if __name__ == "__main__":
    raise SystemExit(main())
