"""The shipped script for mongosh makes a replica set with a user. ``tox -e external`` runs it."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pymongo
import pytest
import yaml

from tests.support.mongod import Mongod
from tests.support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DEPLOY = Path(__file__).parents[2] / "deploy"
MONGOSH = "mongosh@2.12.0"
INSTALL_SECONDS, RUN_SECONDS = 900, 900


@pytest.fixture(scope="module")
def mongosh(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Install mongosh in a folder, and return the path of its program."""
    npm = shutil.which("npm")
    assert npm, "this test needs Node.js and npm"
    folder = tmp_path_factory.mktemp("mongosh")
    install = [npm, "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", MONGOSH]
    subprocess.run(install, cwd=folder, check=True, timeout=INSTALL_SECONDS)  # noqa: S603
    return str(folder / "node_modules" / ".bin" / "mongosh")


@pytest.fixture
def members(tmp_path: Path) -> Iterator[list[Mongod]]:
    """Provide three mongods with the options of the compose file, which are no replica set yet."""
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    _, *options = compose["services"]["mongo1"]["command"]
    ours = [one for one in options if not one.startswith(("--keyFile", "--bind_ip"))]
    assert len(ours) == len(options) - 2
    key_file = tmp_path / "key"
    key_file.touch(mode=0o600)
    key_file.write_text(secrets.token_hex(32), encoding="ascii")
    made = [Mongod(tmp_path / f"mongo{number}", ours, key_file) for number in (1, 2, 3)]
    try:
        for member in made:
            member.launch()
        until(lambda: all(member.hello() for member in made))
        yield made
    finally:
        for member in made:
            member.end()


@pytest.fixture
def run(mongosh: str, members: list[Mongod], tmp_path: Path) -> Callable[[str], None]:
    """Return a function that runs the script with a password for the servers."""
    home = tmp_path / "home"
    home.mkdir()

    def with_password(password: str) -> None:
        environment = {
            **os.environ,
            "HOME": str(home),
            "MEMBERS": ",".join(member.address for member in members),
            "MONGO_KEY": (tmp_path / "key").read_text(encoding="ascii"),
            "MONGO_PASSWORD": password,
        }
        command = [mongosh, "--quiet", "--nodb", str(DEPLOY / "replica-set.js")]
        subprocess.run(command, env=environment, check=True, timeout=RUN_SECONDS)  # noqa: S603

    return with_password


def test_the_script_makes_the_set_and_its_user_and_exchanges_the_password(members, run) -> None:
    hosts = ",".join(member.address for member in members)
    client: pymongo.MongoClient[dict[str, Any]]
    for password in ("a" * 64, "b" * 64):
        run(password)
        uri = f"mongodb://quartapp:{password}@{hosts}/school?replicaSet=rs0"
        with pymongo.MongoClient(uri) as client:
            client.school.items.insert_one({})
            status = client.school.command("connectionStatus")["authInfo"]
        assert status["authenticatedUserRoles"] == [{"role": "readWrite", "db": "school"}]
    found = members[0].client.admin.command("replSetGetConfig")["config"]["members"]
    assert [member["host"] for member in found] == [member.address for member in members]
