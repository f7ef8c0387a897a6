"""What clients may know about a library."""

from quartapp import hookimpl


class LibraryPlugin:
    """Tells for how many days books are lent."""

    name = "library"
    longest_loan_days = 28

    @hookimpl
    def register_capabilities(self):
        return {"reservations": True, "longestLoanDays": self.longest_loan_days}
