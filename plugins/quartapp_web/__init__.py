"""Pages for browsers: sign-in, and the pages of teachers and students.

The names exported here are public; the modules below are internal.
"""

from quartapp_web.rendering import framed_page
from quartapp_web.sections import Section

__all__ = ["Section", "framed_page"]
