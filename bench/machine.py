"""The machine and the versions with which figures were measured."""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pymongo

if TYPE_CHECKING:
    from bench.servers import Kind

PACKAGES = ("quartapp", "quart", "hypercorn", "pymongo", "mongoengine", "gunicorn")


def describe(uri: str, peer: Kind) -> dict[str, str]:
    """Return the machine and its software, without names of machines and folders.

    Args:
        uri: URI of MongoDB.
        peer: The server that quartapp is compared with.
    """
    cpu = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    client: pymongo.MongoClient[dict[str, Any]]  # Any: what the server says of itself
    with pymongo.MongoClient(uri) as client:
        mongodb = client.server_info()["version"]
    return {
        "Processor": cpu[1] if cpu else platform.machine(),
        "Cores": str(os.cpu_count()),
        "Memory": f"{total / 2**30:.1f} GiB",
        "Kernel": f"{platform.system()} {platform.release()}",
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
        "Packages": ", ".join(f"{name} {version(name)}" for name in PACKAGES),
        "MongoDB": f"{mongodb}, one node as a replica set",
        "Peer": f"Node.js {_node()}, {_peer_packages(peer)}",
    }


def _node() -> str:
    done = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True)  # noqa: S607 - the one that the peer runs on
    return done.stdout.strip().removeprefix("v")


def _peer_packages(peer: Kind) -> str:
    folder = peer.folder or Path()
    package = json.loads((folder / "package.json").read_text(encoding="utf-8"))
    return ", ".join(f"{name} {number}" for name, number in package["dependencies"].items())
