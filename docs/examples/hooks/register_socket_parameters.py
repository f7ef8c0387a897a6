"""A client names a shelf in the address of the socket, and gets the books of the shelf."""

from pydantic import BaseModel

from quartapp import DomainError, ServerMessage, SocketParameter, encode, hookimpl

SHELVES = {"maths": ["Elements"], "poetry": ["Odes", "Sonnets"]}


class Shelf(BaseModel):
    """The books on a shelf."""

    books: list[str]


class ShelfNotFoundError(DomainError):
    """The error for an unknown shelf."""


async def greet(connection, value):
    """Find the shelf, and send its books when the socket joins."""
    if value not in SHELVES:
        raise ShelfNotFoundError
    frame = encode("SHELF", {"books": SHELVES[value]})
    return lambda: connection.post(frame)


class LibraryPlugin:
    """Adds the parameter of ``/ws?shelf=maths``."""

    name = "library"

    @hookimpl
    def register_socket_parameters(self):
        shown = ServerMessage(name="SHELF", data=Shelf, to_all=False, summary="A shelf's books.")
        return [
            SocketParameter(
                name="shelf",
                pattern="[a-z]{1,20}",
                greet=greet,
                answers=(shown,),
                errors={ShelfNotFoundError: "There is no such shelf"},
                database=False,
                summary="The shelf to be told of.",
            )
        ]
