"""OpenTelemetry traces, with the extra ``telemetry``: a span per request, per frame, per commit.

OpenTelemetry's own environment variables configure the traces. ``OTEL_EXPORTER_OTLP_ENDPOINT`` or
``OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`` names the collector that receives the spans. No span contains
a requested address, as the address of a socket can contain a token.
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
# Longest time that a stop waits for the collector to take the last spans.
FAREWELL_SECONDS = 1.0


class Traces:
    """The spans of an app; without a collector, the app makes none.

    Args:
        clock: Clock that limits how long a stop waits for the collector.
    """

    def __init__(self, clock: Clock = SYSTEM_CLOCK) -> None:
        self._clock = clock
        self._provider: TracerProvider | None = None

    def open(self) -> None:
        """Begin to send spans, if the environment names a collector.

        Raises:
            QuartappError: The environment names a collector, and the extra is not installed.
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
        """Send the last spans within ``FAREWELL_SECONDS``, and drop the rest."""
        if self._provider is None:
            return
        provider, self._provider = self._provider, None
        loop, sent = asyncio.get_running_loop(), asyncio.Event()

        def send() -> None:
            provider.shutdown()
            with suppress(RuntimeError):  # the wait timed out and the event loop has ended
                loop.call_soon_threadsafe(sent.set)

        # A thread of its own: the end of an event loop waits for all threads of its executor.
        Thread(target=send, daemon=True).start()
        with suppress(TimeoutError):
            await self._clock.wait_for(sent.wait(), FAREWELL_SECONDS)

    def current(self) -> object:
        """Return the trace context of this task, so that another task can continue the trace."""
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
        """Return a context manager that records a span.

        The parent is the span that is open in this task, unless an argument names another one.

        Args:
            name: Name of the span. Use route or event names only; ids would make too many different
                names.
            attributes: Attributes of the span, by name.
            above: Trace context of the parent, as :meth:`current` returned it in another task.
            headers: Headers of a request, which can name the parent (W3C Trace Context).
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
    # OpenTelemetry would record an exception with its message and its causes. A validation error
    # contains the invalid input, which can be a token.
    with tracer.start_as_current_span(
        name, record_exception=False, set_status_on_exception=False, **options
    ) as span:
        try:
            yield span
        except BaseException as error:
            failed(span, type(error).__qualname__)
            raise


def failed(span: Span, kind: str) -> None:
    """Let a span say that it failed.

    Args:
        span: The span, which is still open.
        kind: Kind of failure: the name of an exception's type, or a status code.
    """
    from opentelemetry.trace import StatusCode

    span.set_status(StatusCode.ERROR)
    span.set_attribute("error.type", kind)
