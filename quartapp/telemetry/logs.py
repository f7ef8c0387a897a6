"""Logging: structlog, readable in a terminal, JSON elsewhere.

No line has a token or a password in it. So tracebacks show no variables, and a library, which may
write down addresses and headers as it sees them, is heard from warnings upwards only.
"""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any

import structlog

from quartapp.encoding import printable

if TYPE_CHECKING:
    from typing import TextIO

OURS = "quartapp"


def configure_logging(level_name: str = "info") -> None:
    """Send every log line, ours and the libraries', to standard error in one form.

    Lines of loggers that were made with ``structlog.get_logger``, or whose name begins with
    ``quartapp``, are shown from ``level_name`` upwards; all others from warnings upwards.

    Args:
        level_name: The least level to show, like ``debug``.
    """
    send_logs(level_name, log_handler(sys.stderr, terminal=sys.stderr.isatty()))


def send_logs(level_name: str, *handlers: logging.Handler) -> None:
    """Send every log line to ``handlers``, in the place of those there are.

    Args:
        level_name: As of :func:`configure_logging`.
        handlers: Each as :func:`log_handler` makes it.
    """
    level = logging.getLevelNamesMapping()[level_name.upper()]
    structlog.configure(
        processors=[*_context(), structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=_Loggers(level),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    root = logging.getLogger()
    root.handlers = list(handlers)
    root.setLevel(max(level, logging.WARNING))
    logging.getLogger(OURS).setLevel(level)


def log_handler(stream: TextIO, *, terminal: bool) -> logging.Handler:
    """Make a handler that writes lines to ``stream``.

    Args:
        stream: Where to.
        terminal: Whether a person reads them; else each line is a JSON object.
    """
    renderer: list[structlog.typing.Processor] = (
        [
            _show_plainly,
            structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
        ]
        if terminal
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_context(),
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
        )
    )
    return handler


def hide_variables() -> None:
    """Show no variables in tracebacks, with any configuration of structlog.

    A foreign ASGI server starts the app without :func:`configure_logging`, and structlog's default
    shows all variables as soon as ``rich`` is installed.
    """
    for processor in structlog.get_config()["processors"]:
        if isinstance(processor, structlog.dev.ConsoleRenderer):
            processor.exception_formatter = structlog.dev.plain_traceback
        elif isinstance(processor, structlog.processors.ExceptionRenderer):
            formatter = processor.format_exception
            if isinstance(formatter, structlog.tracebacks.ExceptionDictTransformer):
                formatter.show_locals = False


class _Loggers(structlog.stdlib.LoggerFactory):
    """Makes structlog's loggers with the configured level, while libraries stay quiet."""

    def __init__(self, level: int) -> None:
        super().__init__(ignore_frame_names=[__name__])
        self._level = level

    def __call__(self, *args: Any) -> logging.Logger:  # noqa: ANN401 - structlog's
        """Make one."""
        logger = super().__call__(*args)
        logger.setLevel(self._level)
        return logger


def _show_plainly(
    _: object, __: str, line: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    # Values come from clients too, and JSON escapes what a terminal would obey.
    return {
        name: printable(value) if isinstance(value, str) and name != "exception" else value
        for name, value in line.items()
    }


def _context() -> list[structlog.typing.Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
