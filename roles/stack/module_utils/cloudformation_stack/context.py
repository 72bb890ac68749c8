"""What every step needs: the options, the clients, the voice and the clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .options import Options
from .text import Masker, Say, clean


@dataclass
class Context:
    """One task's surroundings; tests replace clock and sleep."""

    options: Options
    client: Any
    region: str
    display: Say
    mask: Masker = field(default_factory=Masker)
    other_client: Callable[[str], Any] | None = None
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    beat: Callable[[], None] = lambda: None
    """Called at every look of a wait."""

    def say(self, line: str) -> None:
        """Show one line at once, without secrets or control characters."""
        self.display(clean(self.mask(line)))

    def say_block(self, lines: list[str]) -> None:
        """Show lines whose indentation means something (already cleaned)."""
        for line in lines:
            self.display(self.mask(line))


class Pace:
    """Waiting times that start short, for a local cloud, and grow to the configured interval."""

    FIRST_SECONDS = 0.1
    GROWTH = 1.5

    def __init__(self, longest: float, sleep: Callable[[float], None]) -> None:
        self._longest = longest
        self._sleep = sleep
        self._next = min(self.FIRST_SECONDS, longest)

    def wait(self) -> None:
        """Sleep once, and longer the next time."""
        self._sleep(self._next)
        self._next = min(self._next * self.GROWTH, self._longest)

    def hurry(self) -> None:
        """Something happened: look again soon."""
        self._next = min(max(self.FIRST_SECONDS, self._longest / 5), self._next)
