"""OpenTelemetry traces, with the extra ``telemetry``: a span per request, per frame, per commit.

Set up by OpenTelemetry's own variables: they are sent where ``OTEL_EXPORTER_OTLP_ENDPOINT`` (or
``OTEL_EXPORTER_OTLP_TRACES_ENDPOINT``) says. Addresses are in no span, as that of a socket has a
token in it.
"""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from quartapp.errors import QuartappError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.sdk.trace import TracerProvider
    from werkzeug.datastructures import Headers

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
SERVICE = "OTEL_SERVICE_NAME"


class Traces:
    """The spans of one app; without somebody who collects them, none."""

    def __init__(self) -> None:
        self._provider: TracerProvider | None = None

    def open(self) -> None:
        """Begin to send spans, if the environment says where to.

        Raises:
            QuartappError: It does, and the extra is not installed.
        """
        if not any(os.environ.get(name) for name in ENDPOINTS):
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
        self._provider = TracerProvider(resource=resource)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))

    def close(self) -> None:
        """Send what is left; it may take a while."""
        if self._provider is not None:
            self._provider.shutdown()
            self._provider = None

    def span(
        self,
        name: str,
        attributes: Mapping[str, str | int] | None = None,
        *,
        headers: Headers | None = None,
    ) -> AbstractContextManager[Any]:
        """A span around what is done inside, beneath the one that is open in this task.

        Args:
            name: Of few different ones: a route, an event, never an id.
            attributes: What else there is to say.
            headers: Of a request, which may name the span above (W3C Trace Context).
        """
        if self._provider is None:
            return nullcontext()
        from opentelemetry.propagate import extract

        context = None if headers is None else extract({k.lower(): v for k, v in headers.items()})
        tracer = self._provider.get_tracer("quartapp")
        return tracer.start_as_current_span(name, context=context, attributes=attributes)
