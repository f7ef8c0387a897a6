"""OpenTelemetry traces, with the extra ``telemetry``: a span per request, per frame, per commit.

Set up by OpenTelemetry's own variables: they are sent where ``OTEL_EXPORTER_OTLP_ENDPOINT`` (or
``OTEL_EXPORTER_OTLP_TRACES_ENDPOINT``) says. Addresses are in no span, as that of a socket has a
token in it.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import contextmanager, nullcontext, suppress
from threading import Thread
from typing import TYPE_CHECKING, Any

from quartapp.clock import SYSTEM_CLOCK, Clock
from quartapp.errors import QuartappError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager

    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span, Tracer
    from werkzeug.datastructures import Headers

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
EXPORTER = "OTEL_TRACES_EXPORTER"
SERVICE = "OTEL_SERVICE_NAME"
# What is left is sent at a stop, which a collector that does not answer holds up no longer.
FAREWELL_SECONDS = 1.0


class Traces:
    """The spans of one app; without somebody who collects them, none.

    Args:
        clock: Decides how long a stop waits for the collector.
    """

    def __init__(self, clock: Clock = SYSTEM_CLOCK) -> None:
        self._clock = clock
        self._provider: TracerProvider | None = None

    def open(self) -> None:
        """Begin to send spans, if the environment says where to.

        Raises:
            QuartappError: It does, and the extra is not installed.
        """
        if not any(map(os.environ.get, ENDPOINTS)) or os.environ.get(EXPORTER) == "none":
            return
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
        except ImportError as error:
            raise QuartappError(
                "OTEL_EXPORTER_OTLP_ENDPOINT asks for traces, which need the extra: "
                "pip install 'quartapp[telemetry]'"
            ) from error
        resource = Resource.create({} if SERVICE in os.environ else {"service.name": "quartapp"})
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))

    async def close(self) -> None:
        """Send what is left, if somebody takes it in time."""
        if self._provider is None:
            return
        provider, self._provider = self._provider, None
        loop, sent = asyncio.get_running_loop(), asyncio.Event()

        def send() -> None:
            provider.shutdown()
            with suppress(RuntimeError):  # the loop has ended: nobody waited that long
                loop.call_soon_threadsafe(sent.set)

        # Not one of the loop's threads, for all of which the end of a loop waits.
        Thread(target=send, daemon=True).start()
        with suppress(TimeoutError):
            await self._clock.wait_for(sent.wait(), FAREWELL_SECONDS)

    def current(self) -> object:
        """What is open in this task, for another task to go on beneath."""
        if self._provider is None:
            return None
        from opentelemetry.context import get_current

        return get_current()

    def span(
        self,
        name: str,
        attributes: Mapping[str, str | int] | None = None,
        *,
        above: object = None,
        headers: Headers | None = None,
    ) -> AbstractContextManager[Any]:
        """A span around what is done inside, beneath the one that is open in this task.

        Args:
            name: Of few different ones: a route, an event, never an id.
            attributes: What else there is to say.
            above: What :meth:`current` said, in another task, of the one to be beneath.
            headers: Of a request, which may name the span above (W3C Trace Context).
        """
        if self._provider is None:
            return nullcontext()
        from opentelemetry.propagate import extract

        context = above
        if headers is not None:
            context = extract({key.lower(): value for key, value in headers.items()})
        tracer = self._provider.get_tracer("quartapp")
        return _span(tracer, name, context=context, attributes=attributes)


@contextmanager
def _span(tracer: Tracer, name: str, **options: Any) -> Iterator[Span]:  # noqa: ANN401 - OpenTelemetry's
    # OpenTelemetry would tell of an exception with its message and all that caused it, and what
    # did not validate is among them: a token, say.
    with tracer.start_as_current_span(
        name, record_exception=False, set_status_on_exception=False, **options
    ) as span:
        try:
            yield span
        except BaseException as error:
            failed(span, type(error).__qualname__)
            raise


def failed(span: Span, kind: str) -> None:
    """What ``span`` is about failed.

    Args:
        span: Open still.
        kind: Of few different ones: an exception's type, a status.
    """
    from opentelemetry.trace import StatusCode

    span.set_status(StatusCode.ERROR)
    span.set_attribute("error.type", kind)
