"""gunicorn's configuration and log."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger

from quartapp.server.workers.worker import HANG_SECONDS, STOP_SECONDS, ServerWorker

if TYPE_CHECKING:
    from collections.abc import Callable

    from quartapp.settings.core import Settings


class ArbiterLog(Logger):  # type: ignore[misc] # untyped
    """gunicorn's log: its warnings and errors go to the root logger."""

    def setup(self, cfg: Any) -> None:  # noqa: ANN401 - gunicorn's
        """Add no handler, as the root logger has one."""
        self.cfg = cfg
        self.error_log.propagate = True
        self.error_log.setLevel(logging.WARNING)


class Application(BaseApplication):  # type: ignore[misc] # untyped
    """The gunicorn application, with the settings of the workers.

    Args:
        settings: Complete settings.
        reread: Function that reads the settings again.
        pre_fork: Called with the arbiter and a worker that is about to be forked.
        child_exit: Called with the arbiter and a worker that has ended.

    Attributes:
        settings: Settings of the workers that are forked from now on.
    """

    def __init__(
        self,
        settings: Settings,
        reread: Callable[[], Settings],
        pre_fork: Callable[..., None],
        child_exit: Callable[..., None],
    ) -> None:
        self.settings = settings
        self._reread = reread
        self._pre_fork = pre_fork
        self._child_exit = child_exit
        super().__init__()

    def load_config(self) -> None:
        """Configure gunicorn without its own configuration file and environment variable."""
        self.cfg.set("workers", self.settings.workers)
        self.cfg.set("worker_class", ServerWorker)
        self.cfg.set("logger_class", ArbiterLog)
        self.cfg.set("timeout", HANG_SECONDS)
        self.cfg.set("graceful_timeout", STOP_SECONDS)
        self.cfg.set("control_socket_disable", True)
        self.cfg.set("pre_fork", self._pre_fork)
        self.cfg.set("child_exit", self._child_exit)

    def reread(self) -> Settings:
        """Read the settings again; an embedded database that runs is kept.

        Raises:
            QuartappError: The settings have a mistake.
        """
        # The socket stays, so what it is reachable from must not change in the settings alone.
        fresh = self._reread().model_copy(update={"host": self.settings.host})
        if fresh.mongodb_uri is not None:
            return fresh
        secret = fresh.jwt_secret or self.settings.jwt_secret
        return fresh.on_embedded(self.settings.mongodb_uri, secret)
