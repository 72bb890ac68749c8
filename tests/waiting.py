"""Waiting for what happens in its own time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(question: Callable[[], T], what: str = "", seconds: float = 60) -> T:
    """The question's first true answer; asks again and again for so many real seconds.

    :param what: must happen, for the message of a test that waited in vain.
    """
    deadline = time.monotonic() + seconds
    while not (answer := question()):
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what or 'what the test waits for'}"
        time.sleep(0.1)
    return answer
