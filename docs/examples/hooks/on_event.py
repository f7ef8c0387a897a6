"""A letter to the parents for every absence, as soon as the absence is stored."""

from quartapp import hookimpl
from quartapp_attendance import AttendanceMarked


class ParentsPlugin:
    """Collects the students whose parents get a letter."""

    name = "parents"
    requires = ("attendance",)

    def __init__(self):
        self.to_write = []

    @hookimpl
    async def on_event(self, event):
        if isinstance(event, AttendanceMarked) and event.status == "absent":
            self.to_write.append(event.student_id)
