"""Ends everything that a command started, wherever it went.

A process group is not enough: Ansible's workers have sessions of their own (`setsid` in its WorkerProcess), and go on
with their task when the controller is gone.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
import uuid
from pathlib import Path

_DEADLINE_SECONDS = 10


class Marker:
    """A variable that a command is given and all its descendants inherit: they are known by it, also when orphaned."""

    def __init__(self) -> None:
        self._value = uuid.uuid4().hex

    @property
    def environment(self) -> dict[str, str]:
        return {"REHEARSAL_RUN": self._value}

    def processes(self) -> list[int]:
        """Ids of those that are there, zombies left out."""
        needle = f"REHEARSAL_RUN={self._value}".encode()
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError):
                    if needle in (entry / "environ").read_bytes().split(b"\0"):
                        found.append(int(entry.name))
        return found

    def kill(self) -> None:
        """SIGKILL to each, until none is left: what was just forked is found by the next look.

        :raises TimeoutError: some cannot be killed.
        """
        deadline = time.monotonic() + _DEADLINE_SECONDS
        while left := self.processes():
            if time.monotonic() > deadline:
                raise TimeoutError(f"The processes {left} outlive SIGKILL.")
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.02)
