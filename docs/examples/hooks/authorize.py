"""Nobody deletes a class during the term."""

from quartapp import Deny, hookimpl

IN_TERM = "Classes are kept until the end of the term"


class TermPlugin:
    """Refuses one action, and leaves all other actions to others."""

    name = "term"
    messages = (IN_TERM,)
    in_term = True

    @hookimpl
    def authorize(self, action):
        if action == "deleteClass" and self.in_term:
            return Deny(IN_TERM)
        return None
