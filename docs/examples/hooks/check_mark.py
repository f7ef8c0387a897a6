"""After the lesson, teachers can correct marks, and add none."""

from datetime import timedelta

from quartapp import hookimpl, utc_now
from quartapp_attendance import Violation

OVER = "The lesson is over"


class LessonPlugin:
    """Refuses first marks after the lesson."""

    name = "lesson"
    requires = ("attendance",)
    messages = (OVER,)
    lasts = timedelta(minutes=45)

    @hookimpl
    def check_mark(self, session, before):
        late = utc_now() - session.started_at > self.lasts
        return Violation(OVER) if late and before is None else None
