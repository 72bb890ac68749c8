"""The one lock of the control plane.

Held by our API handlers, by the stack engine's resource handlers and by the reconciler while it reads or writes
control-plane state. Re-entrant, because a handler may call another service's functions. Never held while
talking to the container engine or to HAProxy: those can take seconds, and every API call would wait for them.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

LOCK = threading.RLock()


def under_lock(function: Callable[P, T]) -> Callable[P, T]:
    @functools.wraps(function)
    def locked(*args: P.args, **kwargs: P.kwargs) -> T:
        with LOCK:
            return function(*args, **kwargs)

    return locked
