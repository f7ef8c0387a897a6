"""The dispatcher, which calls all hooks.

pluggy registers the implementations, and the dispatcher calls them: pluggy is synchronous, and an
asynchronous hook under ``firstresult`` would return its first *coroutine*. The dispatcher awaits
each implementation in turn, under a time limit, and names the plugin of each failure. There are
four ways to call a hook: *collect* (all results), *first* (the first that is not None), *decide*
(any refusal refuses) and *notify* (failures are isolated).
"""

from __future__ import annotations

import inspect
from traceback import extract_tb
from typing import TYPE_CHECKING, Any

import structlog

from quartapp._eager import EagerCoroutine
from quartapp.errors import HookFailedError, PluginError
from quartapp.hooks.decisions import Allow, Deny
from quartapp.kinds import described

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    import pluggy
    from pluggy import HookImpl

    from quartapp.clock import Clock
    from quartapp.hooks.messages import Messages
    from quartapp.plugin import LoadedPlugin

Refusals = tuple[type[Exception], ...]

log = structlog.get_logger("quartapp.plugins")

# Arguments of hooks that no log line may show.
SECRETS = frozenset({"password"})


class Dispatcher:
    """Calls hooks: awaits each implementation in turn, and names the plugin of each failure.

    Args:
        manager: pluggy's manager, with the implementations.
        timeout: Time limit of one implementation, in seconds.
        clock: Clock that measures the time limit.
        messages: Register of the messages with which decisions refuse.

    Attributes:
        owners: The plugin of each registered object, by ``id`` of the object.
        contributions: Plugin, hook and value of every result of a ``register_*`` hook.
        building: The plugin whose ``register_*`` hook is running; None without one.
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
        """Return the implementations of a hook with their plugins, in plugin order.

        Implementations with ``tryfirst`` come first, those with ``trylast`` come last.

        Args:
            hook: Name of the hook.
        """
        found: Sequence[HookImpl] = getattr(self._manager.hook, hook).get_hookimpls()
        ordered = sorted(found, key=lambda impl: impl.trylast - impl.tryfirst)
        return [(self.owners[id(impl.plugin)], impl) for impl in ordered]

    def collect_now(self, hook: str, **arguments: object) -> Iterator[tuple[LoadedPlugin, Any]]:
        """Call a ``register_*`` hook, and yield each result that is not None with its plugin.

        Args:
            hook: Name of the hook.
            arguments: Arguments of the hook, by name.

        Raises:
            PluginError: An implementation raised, or is asynchronous.
        """
        for owner, impl in self.implementations(hook):
            outer, self.building = self.building, owner
            try:
                result = impl.function(*(arguments[name] for name in impl.argnames))
            except PluginError:
                raise  # a hook that collects from other plugins already names the plugin
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
        """Return all results that are not None, each with its plugin.

        Args:
            hook: Name of the hook.
            passing: Exceptions that are answers, and not failures.
            arguments: Arguments of the hook, by name.

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
        """Return the first result that is not None with its plugin, or None without a result.

        Args:
            hook: Name of the hook.
            passing: Exceptions that are answers, and not failures.
            arguments: Arguments of the hook, by name.

        Raises:
            HookFailedError: An implementation raised or hung.
        """
        for owner, impl in self.implementations(hook):
            result = await self._call(hook, owner, impl, arguments, passing)
            if result is not None:
                return owner, result
        return None

    async def decide(self, hook: str, **arguments: object) -> Deny | None:
        """Return the first refusal, or None if no plugin refuses.

        Args:
            hook: Name of the hook.
            arguments: Arguments of the hook, by name.

        Raises:
            HookFailedError: An implementation raised, hung, or returned neither a decision nor
                None. The caller has to refuse then.
        """
        for owner, impl in self.implementations(hook):
            decision = await self._call(hook, owner, impl, arguments)
            if isinstance(decision, Deny):
                self._messages.refused(decision.reason, owner)
                return decision
            if decision is not None and not isinstance(decision, Allow):
                raise HookFailedError(
                    f"plugin {owner}: {hook} must return Allow(), Deny or None, "
                    f"got {described(decision)}"
                )
        return None

    async def notify(
        self,
        hook: str,
        *,
        backwards: bool = False,
        but: Collection[str] = (),
        **arguments: object,
    ) -> list[HookFailedError]:
        """Call every implementation, and go on after a failure.

        Args:
            hook: Name of the hook.
            backwards: Whether to call the plugins in reverse order.
            but: Names of plugins that are not called.
            arguments: Arguments of the hook, by name.

        Returns:
            The failures, which have been logged.
        """
        failures = []
        called = self.implementations(hook)
        for owner, impl in reversed(called) if backwards else called:
            if owner.name in but:
                continue
            try:
                await self._call(hook, owner, impl, arguments)
            except HookFailedError as error:
                log.exception("hook failed", hook=hook, plugin=str(owner), exc_info=error.__cause__)
                failures.append(error)
        return failures

    async def one(
        self,
        hook: str,
        plugin: str,
        seconds: float,
        *,
        passing: Refusals = (),
        **arguments: object,
    ) -> object:
        """Call the implementation of one plugin.

        Args:
            hook: Name of the hook.
            plugin: Name of the plugin.
            seconds: Time limit of the implementation, in seconds.
            passing: Exceptions that are an answer, not a failure.
            arguments: Arguments of the hook, by name.

        Raises:
            HookFailedError: The implementation raised or hung, or the plugin has none.
        """
        for owner, impl in self.implementations(hook):
            if owner.name == plugin:
                return await self._call(hook, owner, impl, arguments, passing, seconds)
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
            # Code that does not wait cannot be interrupted, and most calls cost less than a timer.
            limit = self._clock.timeout(most)
            async with limit:
                return await result
        except passing:
            raise
        except (Exception, SystemExit) as error:  # noqa: BLE001 - SystemExit would end the server
            secret = not SECRETS.isdisjoint(arguments)
            # The implementation may also raise a TimeoutError of its own.
            if limit is not None and limit.expired() and isinstance(error, TimeoutError):
                told = f"took longer than {most:g} s"
            elif secret:
                told = f"failed: {type(error).__name__} at {_place(error)}"
            else:
                told = f"failed: {reason(error)}"
            # The text of an error may repeat a secret, and so may its causes and notes.
            raise HookFailedError(f"plugin {owner}: {hook} {told}") from (None if secret else error)


def _place(error: BaseException) -> str:
    """Return the file and the line that raised an error."""
    frame = extract_tb(error.__traceback__)[-1]
    return f"{frame.filename}:{frame.lineno}"


def reason(error: BaseException) -> str:
    """Return type and message of an exception, on one line."""
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
