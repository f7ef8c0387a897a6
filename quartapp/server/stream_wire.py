"""The short ways from the app to the transport of a Hypercorn stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hypercorn.protocol.http_stream import HTTPStream
    from hypercorn.protocol.ws_stream import WSStream

    from quartapp.realtime.wire import Packed


class StreamWire:
    """Direct access to a stream's transport, for broadcasts.

    Sending an ASGI message makes four objects and six coroutines and ends in the same write. The
    direct write refuses frames whenever the ASGI message would do more or would wait.

    Args:
        stream: The stream.
        deflates: Whether the peer takes compressed frames.

    Attributes:
        deflates: Whether the peer takes compressed frames.
        open: Whether frames may still be sent; the stream resets the flag.
    """

    __slots__ = ("_transport", "deflates", "open")

    def __init__(self, stream: WSStream, *, deflates: bool) -> None:
        self.deflates = deflates
        self._transport = _connection_of(stream).writer.transport
        self.open = True

    def __deepcopy__(self, _: object) -> StreamWire:
        """Return the object itself, for middlewares that copy the scope."""
        return self

    def write(self, packed: Packed) -> bool:
        """Send frames, if the transport can take them now.

        Args:
            packed: Complete frames, encoded for the wire.

        Returns:
            Whether the frames were sent.
        """
        # The buffer's size is the only check, as a broadcast repeats it for thousands of sockets.
        # It is enough: a task that holds the connection's lock waits for the same buffer.
        transport = self._transport
        if not self.open or transport.get_write_buffer_size():
            return False
        try:
            transport.write(packed.deflated if self.deflates else packed.wire)
        except RuntimeError:  # Hypercorn is closing it
            return False
        return True

    def abort(self) -> None:
        """Drop the connection at once, together with frames that are not sent yet."""
        self._transport.abort()


class ResponseWire:
    """Direct access to the connection of a response, for responses that last.

    Args:
        stream: The stream of the request.
    """

    __slots__ = ("_stream",)

    def __init__(self, stream: HTTPStream) -> None:
        self._stream = stream

    def __deepcopy__(self, _: object) -> ResponseWire:
        """Return the object itself, for middlewares that copy the scope."""
        return self

    def expect_silence(self) -> None:
        """Let the peer send nothing for as long as the connection lasts."""
        _connection_of(self._stream).expect_silence()

    def abort(self) -> None:
        """Drop the connection at once, together with what is not sent yet."""
        _connection_of(self._stream).writer.transport.abort()


def _connection_of(stream: Any) -> Any:  # noqa: ANN401 - Hypercorn hands on bound methods
    """Return the connection of a stream, between which is the protocol."""
    return stream.send.__self__.send.__self__
