"""Verify an audit without quartapp, from the output of quartapp audit show --last 0 --json."""

import hashlib
import json
import sys

OUTSIDE = ("hash", "address", "salt")


def digest(entry: dict[str, object]) -> str:
    """Return the hash of an entry: SHA-256 over the canonical JSON of what is in the chain."""
    chained = {name: value for name, value in entry.items() if name not in OUTSIDE}
    text = json.dumps(chained, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


entries = sorted(map(json.loads, sys.stdin), key=lambda entry: (entry["day"], entry["number"]))
day, number, previous = "", 0, "0" * 64
for deleted in (e for e in entries if e["action"] == "quartapp.audit-days-deleted"):
    previous = deleted["after"]["hash"]
for entry in entries:
    name = f"entry {entry['number']} of {entry['day']}"
    if entry["number"] != (number + 1 if entry["day"] == day else 1):
        sys.exit(f"the entry before {name} is missing")
    if entry["hash"] != digest(entry):
        sys.exit(f"{name} was changed")
    if entry["previous"] != previous:
        sys.exit(f"{name} does not follow the entry before")
    day, number, previous = entry["day"], entry["number"], entry["hash"]
print(f"{len(entries)} entries, the last is {day}/{number}/{previous}")
