"""Folders, zips, manifests, encodings: what is read, and what is refused with one message."""

from __future__ import annotations

import csv
import zipfile

import pytest

from quartapp_oneroster import package


@pytest.mark.parametrize("inside", ["", "export/", "a/b/"])
def test_a_zip_may_have_a_folder_inside(school, inside):
    school.bring_in(school.small().zip(inside))
    assert school.roll("c1") == ["ann", "bob"]


def test_files_that_macos_adds_to_a_zip_are_ignored(school):
    path = school.small().zip("set/")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("__MACOSX/set/._manifest.csv", b"\0\1")
        archive.writestr("set/.DS_Store", b"\0\1")
    school.bring_in(path)
    assert school.roll("c1") == ["ann", "bob"]


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "\ufeff" + text,
        lambda text: text.replace("\r\n", "\n"),
        lambda text: text.replace("\r\n", "\r\n\r\n"),
        lambda text: text.rstrip("\r\n"),
        lambda text: text.replace("sourcedId", " SOURCEDID "),
        lambda text: text.replace("\r\n", ",,,\r\n"),
        lambda text: text.replace("\r\n", ", ,\r\n", 1),
        lambda text: text.replace("\r\n", "\r\n,,,,\r\n , ,\r\n"),
        lambda text: text + "," * 40,
        lambda text: text.replace("\r\n", "\r"),
    ],
    ids=[
        "byte order mark",
        "LF",
        "empty lines",
        "no last line end",
        "header in capitals",
        "empty columns",
        "empty columns in the header",
        "rows of commas",
        "a last row of commas",
        "CR",
    ],
)
def test_files_come_in_many_forms(school, change):
    roster = school.small()
    folder = roster.write()
    for name, text in roster.texts().items():
        (folder / name).write_bytes(change(text).encode())
    school.bring_in(folder)
    assert school.roll("c1") == ["ann", "bob"]


def test_columns_may_be_in_any_order_and_more(school):
    roster = school.small()
    folder = roster.write()
    rows = list(csv.DictReader((folder / "users.csv").read_text().splitlines()))
    header = [*reversed(rows[0]), "metadata.bus"]
    with (folder / "users.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, header, restval="7")
        writer.writeheader()
        writer.writerows(rows)
    school.bring_in(folder)
    assert school.roll("c1") == ["ann", "bob"]


def test_line_numbers_count_lines_that_are_inside_of_quotes(school):
    roster = school.set().user("ann", middleName='two\n"lines"').user("bob", email="no")
    result = school.bring_in(roster, status=3)
    assert "users.csv, line 4: email 'no' is not" in result.stderr
    assert school.emails() == {"ann@school.example"}


def test_a_row_with_too_few_values_is_rejected(school):
    roster = school.small()
    folder = roster.write()
    with (folder / "users.csv").open("a") as file:
        file.write("eve,,,true,\n")
    result = school.bring_in(folder, status=3)
    assert (
        "users.csv, line 5: the row has not as many values as the file has columns" in result.stderr
    )


def test_version_names_are_taken_as_they_are_written(school):
    roster = school.set().user("ann")
    roster.manifest = {"oneroster.version": "v1.1.0"}
    school.bring_in(roster)
    assert school.emails() == {"ann@school.example"}


def test_files_that_the_manifest_calls_absent_are_not_read(school):
    roster = school.small().user("eve")
    roster.modes["classes"] = roster.modes["enrollments"] = "absent"
    school.bring_in(roster)
    assert len(school.emails()) == 4
    assert school.names() == set()


def broken(name, change):
    """Return a change of one file's bytes, for the table below."""

    def apply(roster):
        path = roster.write() / name
        path.write_bytes(change(path.read_bytes()))
        return roster.folder

    return apply


def stated(**properties):
    def apply(roster):
        names = {"version": "oneroster.version", "users": "file.users", "orgs": "file.orgs"}
        roster.manifest = {names[key]: value for key, value in properties.items()}
        return roster.write()

    return apply


def without(name):
    def apply(roster):
        (roster.write() / name).unlink()
        return roster.folder

    return apply


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda roster: roster.folder, "no such folder or file"),
        (without("manifest.csv"), "there is no manifest.csv; is it a OneRoster set?"),
        (without("users.csv"), "manifest.csv says that users.csv is bulk, and it is not there"),
        (stated(version="1.3"), "OneRoster 1.3 is not known here; 1.1 and 1.2 are"),
        (stated(version=""), "manifest.csv does not say which oneroster.version it is"),
        (stated(users="full"), "manifest.csv: file.users is 'full', not bulk, delta or absent"),
        (stated(orgs="bulk"), "manifest.csv says that orgs.csv is bulk, and it is not there"),
        (
            broken("manifest.csv", lambda data: data.replace(b"file.users", b"file.people")),
            "manifest.csv does not say whether users.csv is bulk or delta",
        ),
        (
            broken("manifest.csv", lambda data: data + b"file.users,delta\n"),
            "manifest.csv, line 7: file.users comes twice",
        ),
        (
            broken("users.csv", lambda data: data.replace(b"Person", "Pérez".encode("latin-1"), 1)),
            "users.csv is not UTF-8: byte 0xe9",
        ),
        (
            broken("users.csv", lambda data: data.decode().encode("utf-16")),
            "users.csv is UTF-16; OneRoster files are UTF-8",
        ),
        (
            broken("users.csv", lambda data: data.decode().encode("utf-16-le")),
            "users.csv is not UTF-8 text: it has zero bytes",
        ),
        (broken("users.csv", lambda data: b""), "users.csv is empty"),
        (
            broken("users.csv", lambda data: data.replace(b"familyName,", b"surname,", 1)),
            "users.csv has no column familyName",
        ),
        (
            broken("users.csv", lambda data: data.replace(b"phone", b"email", 1)),
            "users.csv has the column email twice",
        ),
        (
            broken("users.csv", lambda data: data + b'eve,"open\nand on'),
            "users.csv, line 6: unexpected end of data",
        ),
        (
            broken("users.csv", lambda data: data + b"x" * 200_000),
            "users.csv, line 5: field larger than field limit",
        ),
    ],
)
def test_a_set_that_cannot_be_read_is_refused_and_changes_nothing(school, change, message):
    assert message in school.refused(change(school.small()))
    assert school.emails() == set()
    assert school.db["oneroster_runs"].count_documents({}) == 0


def test_a_file_that_is_no_zip_is_refused(school, tmp_path):
    path = tmp_path / "set.zip"
    path.write_text("sourcedId")
    assert "is neither a folder nor a sound zip file" in school.refused(path)


def test_a_zip_that_is_damaged_is_refused(school):
    path = school.small().zip()
    with zipfile.ZipFile(path) as archive:
        entry = archive.getinfo("users.csv")
    data = bytearray(path.read_bytes())
    start = entry.header_offset + 30 + len("users.csv") + 20
    data[start : start + 8] = b"\xff" * 8
    path.write_bytes(data)
    assert "is neither a folder nor a sound zip file" in school.refused(path)
    assert school.emails() == set()


def test_two_sets_in_one_zip_are_refused(school):
    path = school.small().zip("one/")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("two/manifest.csv", "propertyName,value\n")
    assert "there are several manifest.csv, in different folders" in school.refused(path)


def test_a_zip_bomb_is_not_unpacked(school):
    path = school.small().zip()
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("courses.csv", b"0" * (package.MAX_RATIO_FROM_BYTES + 1))
    assert "courses.csv is packed more than 200 to 1" in school.refused(path)


def test_a_zip_that_would_fill_the_disk_is_refused(school, monkeypatch):
    monkeypatch.setattr(package, "MAX_UNPACKED_BYTES", 100)
    assert "bytes; the limit is 100" in school.refused(school.small().zip())


def test_an_encrypted_zip_is_refused(school):
    path = school.small().zip()
    data = bytearray(path.read_bytes())
    # The flag, in the directory at the end of the file, where zipfile reads it.
    place = data.rindex(b"PK\x01\x02")
    data[place + 8] |= 1
    path.write_bytes(data)
    assert "is encrypted" in school.refused(path)


def test_the_report_has_every_rejected_row(school, tmp_path):
    roster = school.small()
    for number in range(30):
        roster.user(f"x{number}", email="no")
    report = tmp_path / "rejected.csv"
    result = school.bring_in(roster, "--report", str(report), status=3)
    rows = list(csv.DictReader(report.read_text().splitlines()))
    assert len(rows) == 30
    assert rows[0] == {
        "file": "users.csv",
        "line": "5",
        "sourcedId": "x0",
        "reason": "email 'no' is not a valid address",
    }
    assert "… and 10 more rows rejected" in result.stderr
    assert result.stderr.rstrip().endswith("30 rows rejected")


FORMULAS = ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1")


def test_report_has_no_formula_for_a_spreadsheet(school, tmp_path):
    roster = school.small()
    for formula in FORMULAS:
        roster.user(formula, email="no")
    report = tmp_path / "rejected.csv"
    school.bring_in(roster, "--report", str(report), status=3)
    cells = [cell for row in csv.reader(report.read_text().splitlines()) for cell in row]
    assert not [cell for cell in cells if cell.startswith(tuple("=+-@\t\r"))]
    assert {f"'{formula.strip()}" for formula in FORMULAS} <= {
        cell.replace("'\t", "'") for cell in cells
    }


def test_terminal_is_not_steered_by_what_a_file_says(school):
    roster = school.small()
    roster.user("x", familyName="P\x1b]0;owned\x07\x9b31m")
    result = school.bring_in(roster, "--dry-run")
    assert "P\\x1b]0;owned\\x07\\x9b31m" in result.stdout
    assert not set("\x1b\x07\x9b") & set(result.stdout + result.stderr)


def test_unwritable_report_is_refused_before_the_import(school, tmp_path):
    path = tmp_path / "missing" / "report.csv"
    message = school.refused(school.small(), "--report", str(path))
    assert message == f"the report {path} cannot be written there"
    assert school.emails() == set()


def test_a_dry_run_shows_the_difference_and_changes_nothing(school, tmp_path):
    roster = school.small().user("bad", email="no")
    report = tmp_path / "rejected.csv"
    result = school.bring_in(roster, "--dry-run", "--report", str(report), status=3)
    assert result.stdout.splitlines() == [
        "+ teacher tea@school.example (Tea Person)",
        "+ student ann@school.example (Ann Person)",
        "+ student bob@school.example (Bob Person)",
        "+ Algebra (tea@school.example)",
        "+ ann@school.example in Algebra",
        "+ bob@school.example in Algebra",
        "accounts: 3 to add; 0 as they are",
        "classes: 1 to add; 0 as they are",
        "rolls: 2 names to add, 0 to remove",
        "Nothing was changed: this was a dry run.",
    ]
    assert len(report.read_text().splitlines()) == 2
    assert school.emails() == set()
    assert school.db["oneroster_runs"].count_documents({}) == 0


def test_show_limits_the_lines_of_each_kind(school):
    result = school.bring_in(school.small(), "--dry-run", "--show", "1")
    assert "… and 2 more accounts" in result.stdout
    assert "… and 1 more names on rolls" in result.stdout
    assert "more classes" not in result.stdout
    everything = school.bring_in(school.small(), "--dry-run", "--show", "0")
    assert "more accounts" not in everything.stdout


def test_status_3_says_what_was_imported_and_rejected_of_each_file(school):
    roster = school.small().user("bad", email="no").class_("c2", "").enrol("bad", "c1")
    result = school.bring_in(roster, status=3)
    assert result.stdout.splitlines()[-4:] == [
        f"Imported {roster.folder}, except for the rejected rows:",
        "  users.csv: 3 rows imported, 1 rejected",
        "  classes.csv: 1 rows imported, 1 rejected",
        "  enrollments.csv: 3 rows imported, 1 rejected",
    ]


def test_set_of_which_no_row_fits_is_refused(school):
    roster = school.set().user("bad", email="no").user("worse", email="no address")
    message = school.refused(roster)
    assert message == f"nothing in {roster.folder} can be imported: each row was rejected"
    assert school.db["oneroster_runs"].count_documents({"state": "done"}) == 0
    assert school.refused(roster, "--dry-run") == message
