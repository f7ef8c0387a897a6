"""Steps of a run, whose first failure ends the whole test and is told in a few lines."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, Protocol, cast

from hypothesis.stateful import rule

if TYPE_CHECKING:
    from collections.abc import Callable

    from hypothesis.strategies import SearchStrategy

LINE = 240
SENTENCE_LINES = 12
LAST_STEPS = 8


class HasSteps(Protocol):
    """A run that notes its steps.

    Attributes:
        steps: The steps so far, as text.
        failed: Whether the last of them has failed.
    """

    steps: list[str]
    failed: bool


class FailedPlayError(BaseException):
    """The first failure of a run.

    It is no ``Exception``: Hypothesis would make the same steps again, on a server that is in
    another state by then, and would tell of the difference between the runs, not of the failure.
    """


def step(
    **given: SearchStrategy[Any],
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Make a method a rule of a state machine.

    Args:
        given: Strategies of the method's arguments.

    Returns:
        A decorator. The rule raises :class:`FailedPlayError` when the method raises.
    """

    def made(method: Callable[..., None]) -> Callable[..., None]:
        @wraps(method)
        def told(run: HasSteps, **chosen: object) -> None:
            arguments = ", ".join(f"{name}={value!r}" for name, value in chosen.items())
            run.steps.append(f"{method.__name__}({arguments})")
            try:
                method(run, **chosen)
            except Exception as error:
                run.failed = True
                raise FailedPlayError(failure(error, run.steps)) from error

        # mypy takes one of the strategies for a target.
        decorated: Callable[..., None] = cast("Any", rule)(**given)(told)
        return decorated

    return made


def failure(error: Exception, steps: list[str]) -> str:
    """Return what is wrong, and the steps that led to it, in a few short lines.

    Args:
        error: The failure.
        steps: All steps of the run.
    """
    said = str(error) if isinstance(error, AssertionError) else f"{type(error).__name__}: {error}"
    sentence = [line for line in said.splitlines() if line.strip()][:SENTENCE_LINES]
    last = steps[-LAST_STEPS:]
    shown = f"the last {len(last)} of {len(steps)} steps:" if len(steps) > 1 else "the step:"
    lines = [*sentence, shown, *(f"  {one}" for one in last)]
    return "\n".join(line if len(line) <= LINE else f"{line[:LINE]} ..." for line in lines)
