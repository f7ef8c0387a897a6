"""Files of excuses: known by their content, saved and never shown, and gone with the excuse."""

from __future__ import annotations

import base64

import pytest
from bson import ObjectId

from quartapp import core
from quartapp.testing import TurnedClock
from quartapp_excuses import ExcuseFiles, Upload
from quartapp_excuses.files import MOST_BYTES

PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n%%EOF\n"
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(20)
JPEG = b"\xff\xd8\xff\xe0" + bytes(20)
HOURS = 3600


def encoded(content):
    return base64.b64encode(content).decode()


async def stored(here):
    documents = here.server.documents
    return [
        await documents[f"excuse_files.{part}"].count_documents({}) for part in ("files", "chunks")
    ]


@pytest.mark.parametrize(
    ("content", "kind", "ending"),
    [
        (PDF, "application/pdf", "pdf"),
        (PNG, "image/png", "png"),
        (JPEG, "image/jpeg", "jpg"),
        (PDF.ljust(MOST_BYTES, b"\n"), "application/pdf", "pdf"),
    ],
    ids=["pdf", "png", "jpeg", "of 5 MiB"],
)
async def test_a_file_is_known_by_its_content_and_is_saved_never_shown(
    school, content, kind, ending
):
    here = await school()
    student, mate = here.maths.students
    excuse = await here.hand_in(student, file={"content": encoded(content)})
    assert excuse["file"] == {"type": kind, "bytes": len(content)}
    path = f"/excuses/{excuse['_id']}/file"
    for who in (student, here.maths.teacher, here.admin):
        answer = await here.request(who, "GET", path)
        assert (answer.status_code, answer.content) == (200, content)
        headers = answer.headers
        assert headers["content-type"] == "application/octet-stream"
        assert headers["content-disposition"] == (
            f'attachment; filename="excuse-{excuse["_id"]}.{ending}"'
        )
        assert headers["x-content-type-options"] == "nosniff"
        assert "sandbox" in headers["content-security-policy"]
        assert headers["cache-control"] == "no-store"
    assert (await here.request(mate, "GET", path)).status_code == 404
    assert (await here.server.api.get(path)).status_code == 401


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ({"content": encoded(PNG), "type": "application/pdf"}, "another type than it says"),
        ({"content": encoded(b"<html><script>alert(1)</script>")}, "no PDF, PNG or JPEG"),
        ({"content": encoded(b"GIF89a" + bytes(20))}, "no PDF, PNG or JPEG"),
        ({"content": encoded(b"PK\x03\x04" + bytes(20))}, "no PDF, PNG or JPEG"),
        ({"content": encoded(b" " + PDF)}, "no PDF, PNG or JPEG"),
        ({"content": "%PDF-1.7"}, "no PDF, PNG or JPEG"),
        ({"content": encoded(PDF.ljust(MOST_BYTES + 1))}, "larger than 5 MiB"),
        ({"content": encoded(PDF), "type": "text/html"}, "Invalid request schema"),
        ({"content": ""}, "Invalid request schema"),
    ],
)
async def test_a_file_of_another_kind_is_refused_and_nothing_is_stored(school, file, message):
    here = await school()
    student = here.maths.students[0]
    body = {"from": here.today, "to": here.today, "reason": "Ill", "file": file}
    status, told = await here.ask(student, "POST", "/excuses", body)
    assert status == 400
    assert message in told
    assert await stored(here) == [0, 0]
    assert await here.done(student, "GET", "/excuses") == []


async def test_a_body_beyond_everything_is_too_large(school):
    here = await school()
    student = here.maths.students[0]
    body = {"reason": "x" * (MOST_BYTES * 2)}
    assert (await here.request(student, "POST", "/excuses", body)).status_code == 413


async def test_a_file_goes_with_its_excuse(school):
    here = await school()
    student = here.maths.students[0]
    kept = await here.hand_in(student, file={"content": encoded(PDF)})
    excuse = await here.hand_in(student, file={"content": encoded(PNG)})
    assert await stored(here) == [2, 2]
    await here.done(student, "DELETE", f"/excuses/{excuse['_id']}")
    assert await stored(here) == [1, 1]
    answer = await here.request(student, "GET", f"/excuses/{kept['_id']}/file")
    assert answer.content == PDF


async def test_an_excuse_without_a_file_says_so(school):
    here = await school()
    student = here.maths.students[0]
    excuse = await here.hand_in(student)
    path = f"/excuses/{excuse['_id']}/file"
    assert await here.ask(student, "GET", path) == (404, "Excuse has no file")


async def test_files_that_a_killed_process_left_are_deleted_after_an_hour(school):
    clock = TurnedClock()
    here = await school(clock=clock)
    files = core(here.server.app).services.get(ExcuseFiles)
    student = here.maths.students[0]
    kept = await here.hand_in(student, file={"content": encoded(PDF)})
    # Killed between file and excuse; between pieces and file; and while a file was deleted.
    whole, pieces = ObjectId(), ObjectId()
    for key in (whole, pieces):
        await files.keep(key, Upload(PDF.ljust(600_000), "application/pdf"))
    await here.server.documents["excuse_files.files"].delete_one({"_id": pieces})
    assert await files.delete_orphans() == 0
    # The time alone, so that no periodic task runs.
    before = clock.time
    clock.time = lambda: before() + 2 * HOURS
    await files.delete_orphans()
    assert await stored(here) == [1, 1]
    answer = await here.request(student, "GET", f"/excuses/{kept['_id']}/file")
    assert answer.content == PDF
