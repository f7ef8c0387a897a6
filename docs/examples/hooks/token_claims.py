"""Tokens name a person's campus."""

from quartapp import hookimpl


class CampusPlugin:
    """Finds the campus by the domain of the e-mail address."""

    name = "campus"

    @hookimpl
    def token_claims(self, user):
        return {"campus": (user.email or "").rpartition("@")[2]}
