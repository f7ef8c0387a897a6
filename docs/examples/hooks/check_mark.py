"""Nobody is marked once the lesson is over."""

from datetime import timedelta

from quartapp import hookimpl, utc_now
from quartapp_attendance import Violation


class LessonPlugin:
    """Refuses marks after the lesson."""

    name = "lesson"
    requires = ("attendance",)
    lasts = timedelta(minutes=45)

    @hookimpl
    def check_mark(self, session):
        if utc_now() - session.started_at > self.lasts:
            return Violation("The lesson is over")
        return None
