"""Registers and reports as files, which are read back."""

from __future__ import annotations

import csv
import io
from html.parser import HTMLParser

import openpyxl
import pytest

from quartapp_reports import xlsx_file
from quartapp_reports.export_routes import disposition

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
GRACE, CHEN, FORMULA = "Grace Hopper", "陈省身 é", "=1+2"


class Page(HTMLParser):
    """The tables of a page: texts of all cells by row, the legend, and all tags."""

    def __init__(self, text):
        super().__init__()
        self.tables, self.legend, self.found = [], [], []
        self._text = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        self._text = ""

    def handle_data(self, data):
        self._text += data

    def handle_endtag(self, tag):
        if tag in {"th", "td"}:
            self.tables[-1][-1].append(self._text)
        elif tag in {"dt", "dd"}:
            self.legend.append(self._text)


@pytest.fixture
async def filled(school):
    """A class with every kind of place: before the roll, cancelled, and each status."""
    names = [GRACE, CHEN]
    maths = await school(3, names=names, class_name="Höhere Mathe", extra_plugins=("statuses",))
    await maths.enter("present", "absent", "late")
    await maths.enter("excused", "late")
    await maths.enter(cancelled=True)
    await maths.join(await maths.server.person("student", name=FORMULA))
    await maths.enter("absent", "absent", "present", "present")
    return maths


async def file(maths, name, query=""):
    answer = await maths.ask(maths.teacher, "GET", f"/class/{maths.class_id}/{name}{query}")
    assert answer.status_code == 200, answer.text
    return answer


async def statuses_of(maths):
    return (await maths.ask(maths.teacher, "GET", "/attendance/statuses")).json()["data"]


async def told(maths, kind):
    """Return what the JSON says, with the heads of a table: a row for each student."""
    data = (await maths.ask(maths.teacher, "GET", f"/class/{maths.class_id}/{kind}")).json()["data"]
    if kind == "register":
        heads = [
            one["date"] + (" cancelled" if one["outcome"] == "cancelled" else "")
            for one in data["sessions"]
        ]
        rows = [
            ["?" if status == "" else status for status in one["statuses"]]
            for one in data["students"]
        ]
    else:
        used = {code for one in data["students"] for code in one["statuses"]}
        codes = [one["code"] for one in await statuses_of(maths) if one["code"] in used]
        heads = ["Sessions taken", *codes, "Points", "Percentage"]
        heads += ["Longest absence", "Current absence", "Warnings"]
        rows = [
            [
                one["taken"],
                *(one["statuses"].get(code, 0) for code in codes),
                float(one["points"]),
                one["percentage"],
                one["longestAbsence"],
                one["currentAbsence"],
                ", ".join(one["warnings"]) or None,
            ]
            for one in data["students"]
        ]
    people = [[one["displayName"], one["studentId"]] for one in data["students"]]
    assert {GRACE, CHEN, FORMULA} < {name for name, _ in people}
    return [
        ["Student", "Student ID", *heads],
        *([*who, *row] for who, row in zip(people, rows, strict=True)),
    ]


def as_number(text):
    try:
        return float(text)
    except ValueError:
        return text or None


@pytest.mark.parametrize("kind", ["register", "report"])
async def test_csv_has_the_rows_of_the_answer(filled, kind):
    answer = await file(filled, f"{kind}.csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    text = answer.content.decode("utf-8")
    assert text.startswith("\ufeff")
    head, *rows = csv.reader(io.StringIO(text[1:], newline=""))
    expected, *others = await told(filled, kind)
    assert head == expected
    # What would be a formula begins with an apostrophe.
    assert [row[0] for row in rows if row[0].endswith(FORMULA)] == [f"'{FORMULA}"]
    assert [
        [name.removeprefix("'"), key, *map(as_number, row)] for name, key, *row in rows
    ] == others


@pytest.mark.parametrize("kind", ["register", "report"])
async def test_xlsx_has_the_rows_of_the_answer(filled, kind):
    answer = await file(filled, f"{kind}.xlsx")
    assert answer.headers["content-type"] == XLSX
    (sheet,) = openpyxl.load_workbook(io.BytesIO(answer.content)).worksheets
    expected = await told(filled, kind)
    if kind == "report":
        # A text without characters is an empty cell.
        assert [row[-1] for row in expected[1:]].count(None) > 0
    found = [[cell or (None if cell == "" else cell) for cell in row] for row in sheet.values]
    assert found == expected
    cells = {cell.value: cell.data_type for row in sheet.iter_rows() for cell in row}
    # A text, and no formula.
    assert cells[FORMULA] in {"s", "inlineStr"}
    assert (sheet.print_title_rows, sheet.page_setup.orientation) == ("$1:$1", "landscape")


async def test_one_table_is_one_file_whenever_it_is_written(filled):
    book = openpyxl.load_workbook(io.BytesIO((await file(filled, "register.xlsx")).content))
    assert book.properties.created.year == book.properties.modified.year == 1980


async def test_register_to_print_has_the_places_of_the_answer(filled):
    page = Page((await file(filled, "register.html")).text)
    (table,) = page.tables
    unused = "left_early"
    statuses = [one for one in await statuses_of(filled) if one["code"] != unused]
    short = {one["code"]: one["key"] for one in statuses}
    assert len({*short.values()}) == len(short) > 3
    legend = dict(zip(page.legend[1::2], page.legend[::2], strict=True))
    assert legend == {**{one["label"]: one["key"] for one in statuses}, "not marked": "?"}
    head, *rows = await told(filled, "register")
    expected = [[name, *(short.get(one, one or "") for one in row)] for name, _, *row in rows]
    assert table == [[head[0], *head[2:]], *expected]


async def test_unmarked_students_have_a_sign_of_their_own(school):
    maths = await school(1)
    for _ in range(2):
        other = await maths.ask(maths.teacher, "POST", "/class", {"className": f"Other {_}"})
        for class_id in (maths.class_id, other.json()["data"]["_id"]):
            body = {"classId": class_id}
            assert (await maths.ask(maths.teacher, "POST", "/attendance/start", body)).is_success
    lines = (await file(maths, "register.csv")).text.splitlines()
    assert [line.rpartition(",")[2] for line in lines[1:]] == ["?"]


async def test_report_to_print_has_the_figures_of_the_answer(filled):
    (table,) = Page((await file(filled, "report.html")).text).tables
    head, *rows = await told(filled, "report")
    assert table[0] == [head[0], *head[2:]]
    found = [[name, *map(as_number, row)] for name, *row in table[1:]]
    assert found == [[name, *row] for name, _, *row in rows]


async def test_page_to_print_has_its_style_in_a_file_and_no_script(filled):
    answer = await file(filled, "register.html")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    page = Page(answer.text)
    assert not {"script", "style"} & {tag for tag, _ in page.found}
    assert not [given for _, given in page.found if "style" in given or "onload" in given]
    (link,) = [given for tag, given in page.found if tag == "link"]
    style = await filled.server.api.get(f"{filled.server.url}{link['href']}")
    assert style.status_code == 200
    assert "size: A4 landscape" in style.text
    assert "table-header-group" in style.text


async def test_names_are_text_on_a_page(school):
    maths = await school(1, names=["<b>Eve</b>"])
    await maths.enter("present")
    assert "&lt;b&gt;Eve" in (await file(maths, "register.html")).text


async def test_long_register_has_a_table_for_each_part(school, monkeypatch):
    monkeypatch.setattr("quartapp_reports.print_page.SESSIONS_PER_PART", 2)
    maths = await school(1)
    for _ in range(5):
        await maths.enter("present")
    page = Page((await file(maths, "register.html")).text)
    assert [len(table[0]) for table in page.tables] == [3, 3, 2]
    assert [head for table in page.tables for head in table[0][1:]] == [
        f"2026-03-0{day}" for day in range(2, 7)
    ]


@pytest.mark.parametrize("kind", ["register", "report"])
@pytest.mark.parametrize("ending", ["csv", "xlsx"])
async def test_file_has_a_name_in_every_writing(filled, kind, ending):
    answer = await file(filled, f"{kind}.{ending}", "?from=2026-03-02&to=2026-03-06")
    days = f"{kind} 2026-03-02 2026-03-06.{ending}"
    assert answer.headers["content-disposition"] == (
        f'attachment; filename="Hohere Mathe {days}"; '
        f"filename*=UTF-8''H%C3%B6here%20Mathe%20{days.replace(' ', '%20')}"
    )


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("a.csv", 'attachment; filename="a.csv"'),
        ('../"a"\r\n.csv', 'attachment; filename="_a_.csv"'),
        ("数学.csv", "attachment; filename=\"csv\"; filename*=UTF-8''%E6%95%B0%E5%AD%A6.csv"),
        ("50%.csv", "attachment; filename=\"50_.csv\"; filename*=UTF-8''50%25.csv"),
    ],
)
def test_name_of_a_file_is_no_path_and_no_second_header(name, header):
    assert disposition(name) == header


async def test_xlsx_without_its_library_is_refused_in_one_sentence(filled, monkeypatch):
    monkeypatch.setattr(xlsx_file, "find_spec", lambda name: None)
    path = f"/class/{filled.class_id}/register.xlsx"
    answer = await filled.ask(filled.teacher, "GET", path)
    assert (answer.status_code, answer.json()["error"]) == (
        501,
        "XLSX files cannot be written here",
    )
    await file(filled, "register.csv")


async def test_clients_learn_whether_there_is_xlsx(school):
    maths = await school()
    found = (await maths.server.api.get("/capabilities")).text
    assert '"xlsx":true' in found.replace(" ", "")


async def test_only_who_may_reads_files(filled):
    stranger = await filled.server.person("teacher")
    for name in ("register.csv", "report.xlsx", "register.html"):
        path = f"/class/{filled.class_id}/{name}"
        assert (await filled.ask(stranger, "GET", path)).status_code == 403
        assert (await filled.ask(filled.students[0], "GET", path)).status_code == 403
        assert (await filled.ask(filled.admin, "HEAD", path)).status_code == 200
