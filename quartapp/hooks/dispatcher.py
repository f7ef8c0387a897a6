"""The one way in which hooks are called.

pluggy keeps who implements what. It does not call: it is synchronous, and an asynchronous hook
under ``firstresult`` would return its first *coroutine*. The dispatcher awaits each implementation
in turn, under a time limit, and knows whose it was. It has four verbs: *collect* (all results),
*first* (the first that is not None), *decide* (any refusal refuses) and *notify* (failures are
isolated).
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import structlog

from quartapp._eager import EagerCoroutine
from quartapp.errors import HookFailedError, PluginError
from quartapp.hooks.decisions import Allow, Deny

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pluggy
    from pluggy import HookImpl

    from quartapp.clock import Clock
    from quartapp.hooks.messages import Messages
    from quartapp.plugin import LoadedPlugin

Refusals = tuple[type[Exception], ...]

log = structlog.get_logger("quartapp.plugins")


class Dispatcher:
    """Calls hooks: awaits each implementation in turn, attributes every failure.

    Args:
        manager: Knows the implementations.
        timeout: Seconds that one implementation may take.
        clock: What measures them.
        messages: Hears what decisions refuse with.

    Attributes:
        contributions: Every result of a ``register_*`` hook, with whose it is.
        building: The plugin whose ``register_*`` hook is running; None when none is.
    """

    def __init__(
        self,
        manager: pluggy.PluginManager,
        timeout: float,
        clock: Clock,
        messages: Messages,
    ) -> None:
        self._manager = manager
        self._timeout = timeout
        self._clock = clock
        self._messages = messages
        self.owners: dict[int, LoadedPlugin] = {}
        self.contributions: list[tuple[LoadedPlugin, str, Any]] = []
        self.building: LoadedPlugin | None = None

    def implementations(self, hook: str) -> list[tuple[LoadedPlugin, HookImpl]]:
        """Who implements ``hook``, in plugin order (``tryfirst`` first, ``trylast`` last)."""
        found: Sequence[HookImpl] = getattr(self._manager.hook, hook).get_hookimpls()
        ordered = sorted(found, key=lambda impl: impl.trylast - impl.tryfirst)
        return [(self.owners[id(impl.plugin)], impl) for impl in ordered]

    def collect_now(self, hook: str, **arguments: object) -> Iterator[tuple[LoadedPlugin, Any]]:
        """All results of a ``register_*`` hook.

        Raises:
            PluginError: An implementation raised, or is asynchronous.
        """
        for owner, impl in self.implementations(hook):
            outer, self.building = self.building, owner
            try:
                result = impl.function(*(arguments[name] for name in impl.argnames))
            except PluginError:
                raise  # of a plugin that this one collects from, and it says which
            except Exception as error:
                raise PluginError(f"plugin {owner}: {hook} failed: {reason(error)}") from error
            finally:
                self.building = outer
            if inspect.isawaitable(result):
                if inspect.iscoroutine(result):
                    result.close()
                raise PluginError(f"plugin {owner}: {hook} must not be async")
            if result is not None:
                self.contributions.append((owner, hook, result))
                yield owner, result

    async def collect(
        self, hook: str, *, passing: Refusals = (), **arguments: object
    ) -> list[tuple[LoadedPlugin, Any]]:
        """All results that are not None, with whose they are.

        Args:
            hook: The hook's name.
            passing: Exceptions that are an answer, not a failure.
            arguments: What the hook specifies.

        Raises:
            HookFailedError: An implementation raised or hung.
        """
        results = []
        for owner, impl in self.implementations(hook):
            result = await self._call(hook, owner, impl, arguments, passing)
            if result is not None:
                results.append((owner, result))
        return results

    async def first(
        self, hook: str, *, passing: Refusals = (), **arguments: object
    ) -> tuple[LoadedPlugin, Any] | None:
        """The first result that is not None, with whose it is; no further one is asked.

        Args:
            hook: The hook's name.
            passing: Exceptions that are an answer, not a failure.
            arguments: What the hook specifies.

        Raises:
            HookFailedError: An implementation raised or hung.
        """
        for owner, impl in self.implementations(hook):
            result = await self._call(hook, owner, impl, arguments, passing)
            if result is not None:
                return owner, result
        return None

    async def decide(self, hook: str, **arguments: object) -> Deny | None:
        """The first refusal, or None when nobody refuses.

        Args:
            hook: The hook's name.
            arguments: What the hook specifies.

        Raises:
            HookFailedError: An implementation raised, hung, or returned neither a decision nor
                None: what cannot be decided is refused.
        """
        for owner, impl in self.implementations(hook):
            decision = await self._call(hook, owner, impl, arguments)
            if isinstance(decision, Deny):
                self._messages.refused(decision.reason, owner)
                return decision
            if decision is not None and not isinstance(decision, Allow):
                raise HookFailedError(
                    f"plugin {owner}: {hook} must return Allow(), Deny or None, "
                    f"got {type(decision).__name__}"
                )
        return None

    async def notify(
        self, hook: str, *, backwards: bool = False, **arguments: object
    ) -> list[HookFailedError]:
        """Tell every implementation; a failure is logged, returned, and stops no other one.

        Args:
            hook: The hook's name.
            backwards: In reverse plugin order.
            arguments: What the hook specifies.
        """
        failures = []
        called = self.implementations(hook)
        for owner, impl in reversed(called) if backwards else called:
            try:
                await self._call(hook, owner, impl, arguments)
            except HookFailedError as error:
                log.exception("hook failed", hook=hook, plugin=str(owner), exc_info=error.__cause__)
                failures.append(error)
        return failures

    async def one(self, hook: str, plugin: str, seconds: float, **arguments: object) -> object:
        """Call the implementation of one plugin.

        Args:
            hook: The hook's name.
            plugin: Name of the plugin.
            seconds: How long the implementation may take.
            arguments: What the hook specifies.

        Raises:
            HookFailedError: The implementation raised or hung, or the plugin has none.
        """
        for owner, impl in self.implementations(hook):
            if owner.name == plugin:
                return await self._call(hook, owner, impl, arguments, seconds=seconds)
        raise HookFailedError(f"plugin {plugin} does not implement {hook}")

    async def _call(
        self,
        hook: str,
        owner: LoadedPlugin,
        impl: HookImpl,
        arguments: dict[str, object],
        passing: Refusals = (),
        seconds: float | None = None,
    ) -> object:
        limit, most = None, self._timeout if seconds is None else seconds
        try:
            result = impl.function(*(arguments[name] for name in impl.argnames))
            if not inspect.isawaitable(result):
                return result
            if inspect.iscoroutine(result):
                result = EagerCoroutine(result)
                if result.over:
                    return result.result
            # What does not wait cannot be cut off, and most calls are cheaper than a timer.
            limit = self._clock.timeout(most)
            async with limit:
                return await result
        except passing:
            raise
        except Exception as error:
            # A TimeoutError may also be one of the implementation's own.
            if limit is not None and limit.expired() and isinstance(error, TimeoutError):
                raise HookFailedError(
                    f"plugin {owner}: {hook} took longer than {most:g} s"
                ) from error
            raise HookFailedError(f"plugin {owner}: {hook} failed: {reason(error)}") from error


def reason(error: BaseException) -> str:
    """An exception's type and message, on one line."""
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
