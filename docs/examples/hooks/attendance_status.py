"""A student who is marked present after the bell counts as absent."""

from datetime import timedelta

from quartapp import hookimpl, utc_now


class BellPlugin:
    """Turns a ``present`` after the bell into ``absent``."""

    name = "bell"
    requires = ("attendance",)
    grace = timedelta(minutes=10)

    @hookimpl
    def attendance_status(self, session, mark, before):
        rang = utc_now() - session.started_at > self.grace
        return "absent" if rang and before is None and mark.status == "present" else None
