"""The one lock of the control plane.

Held by our API handlers, by the stack engine's resource handlers and by the reconciler while it reads or writes
control-plane state. Re-entrant, because a handler may call another service's functions. Never held while
talking to the container engine or to HAProxy: those can take seconds, and every API call would wait for them.
"""

from __future__ import annotations

import threading

LOCK = threading.RLock()
