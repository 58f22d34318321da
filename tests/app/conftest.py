"""Pages without a browser do their runs in this process: a worker of its own takes seconds to start, for each test anew."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from aatviz.runtime.worker import Function, Outcome
from aatviz.ui.session import caches, housekeeping


class Inline:
    """A runner whose runs happen in the thread that asks."""

    def run(
        self,
        function: Function,
        context: Any,
        arguments: Sequence[Any],
        on_step: Callable[[int], None] = lambda _: None,
        wanted: Callable[[], bool] = lambda: True,
    ) -> list[Outcome] | None:
        count = 0

        def step(*_: Any) -> None:
            nonlocal count
            count += 1
            on_step(count)
            if not wanted():
                raise InterruptedError

        try:
            return [Outcome(value=value, size=1) for value in function(context, list(arguments), step)]
        except InterruptedError:
            return None
        except Exception as error:
            return [Outcome(error=str(error))] * len(arguments)


@pytest.fixture(autouse=True)
def workers_in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caches, "workers", lambda: {"short": [Inline()], "long": [Inline()]})
    monkeypatch.setattr(caches, "slice_workers", lambda: [Inline()])
    monkeypatch.setattr(housekeeping, "_started", True)
