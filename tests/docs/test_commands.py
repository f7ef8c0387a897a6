"""The example of a command, beside a server that serves meanwhile."""

from __future__ import annotations

import pytest

from tests.docs.test_how_to import HOW_TO

pytestmark = pytest.mark.processes


@pytest.fixture
def enrol(installed, run_cli, tmp_path):
    """Return a function that runs ``quartapp enrol`` on the database of the test's server."""
    source = (HOW_TO / "enrol_command.py").read_text()
    environment = {"PYTHONPATH": installed("enrol", source, "EnrolPlugin")}

    async def run(class_id, *people):
        (tmp_path / "list.txt").write_text("\n".join(person.email for person in people))
        data = {"QUARTAPP_DATA_DIR": str(tmp_path / "data")}
        return await run_cli("enrol", class_id, "list.txt", **environment, **data)

    return run


async def test_a_command_changes_the_roll_of_a_class_whose_roll_is_being_called(
    serve_process, lesson, enrol, mark
):
    process = await serve_process()
    maths = await lesson(process.client, students=1)
    newcomer = await process.client.person("student")
    await maths.start()
    teacher = await process.client.socket(maths.teacher)
    watching = await process.client.socket(maths.students[0])
    assert (await teacher.ask("ATTENDANCE_MARKED", mark(newcomer)))["event"] == "ERROR"

    for _ in range(2):  # what is done already is no mistake
        status, output, errors = await enrol(maths.class_id, newcomer)
        assert (status, output) == (0, "1 students are on the roll.\n"), errors

    await teacher.send("ATTENDANCE_MARKED", mark(newcomer))
    shown = await watching.until("ATTENDANCE_MARKED")
    assert shown["data"] == mark(newcomer)
    assert await process.terminate() == 0


async def test_a_command_works_without_a_server_and_tells_a_mistake_in_one_sentence(
    serve_process, lesson, enrol
):
    process = await serve_process()
    maths = await lesson(process.client, students=1)
    assert await process.terminate() == 0

    status, output, errors = await enrol("0" * 24, maths.students[0])

    assert (status, output) == (2, "")
    assert errors == f"Error: there is no class {'0' * 24}\n"
