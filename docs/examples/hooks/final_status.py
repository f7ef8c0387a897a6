"""Students who are excused beforehand are not absent without a mark."""

from quartapp import hookimpl
from quartapp_attendance import Status


class ExcusesPlugin:
    """Knows the excused students."""

    name = "excuses"
    requires = ("attendance",)

    def __init__(self):
        self.excused = set()

    @hookimpl
    def register_statuses(self):
        return [Status(code="excused", label="Excused", counts_as="absent", points=None)]

    @hookimpl
    def final_status(self, student_id):
        return "excused" if student_id in self.excused else None
