"""Tokens say which campus somebody belongs to."""

from quartapp import hookimpl


class CampusPlugin:
    """Goes by the domain of the address."""

    name = "campus"

    @hookimpl
    def token_claims(self, user):
        return {"campus": user.email.rpartition("@")[2]}
