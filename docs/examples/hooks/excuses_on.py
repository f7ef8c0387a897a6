"""Excuses that are known from letters, for the office's list of absences."""

from quartapp import hookimpl
from quartapp_records import KnownExcuse


class LettersPlugin:
    """Knows the letters of a day by the id of the student."""

    name = "letters"
    requires = ("records",)

    def __init__(self):
        self.letters = {}

    @hookimpl
    def excuses_on(self, day, student_ids):
        letters = self.letters.get(day.isoformat(), {})
        return {one: KnownExcuse(letters[one], "accepted") for one in student_ids if one in letters}
