"""Workers that a reload has replaced, but that still hold connections.

They answer one more request on each idle connection, and know neither health nor membership any more: without being
told, they would send it to a target that is long gone.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping

from localcloud.balancer.errors import RuntimeRefused
from localcloud.balancer.render import OPEN_SUFFIX
from localcloud.balancer.runtime import DRAIN, MAINTENANCE, Runtime, ServerState


def tell(master: Runtime, servers: Mapping[tuple[str, str], ServerState]) -> int:
    """Keeps every old worker to the targets that the current one uses; returns how many there are, or may be."""
    try:
        pids = _old_workers(master)
    except OSError:
        # The master executes itself anew for a reload, and does not listen for a moment.
        return 1
    for pid in pids:
        with contextlib.suppress(OSError, RuntimeRefused):
            _tell_one(master, f"@!{pid}", servers)
    return len(pids)


def _old_workers(master: Runtime) -> list[int]:
    _, _, old = master.ask("show proc").partition("# old workers")
    return [int(pid) for pid in re.findall(r"^(\d+)\s+worker", old.partition("# programs")[0], re.MULTILINE)]


def _tell_one(master: Runtime, worker: str, servers: Mapping[tuple[str, str], ServerState]) -> None:
    for line in master.ask(f"{worker} show servers state").splitlines()[2:]:
        fields = line.split()
        if len(fields) < 7:
            continue
        backend, name, admin = fields[1], fields[3], int(fields[6])
        current = servers.get((backend.removesuffix(OPEN_SUFFIX), name))
        usable = current is not None and current.up and not current.admin & (MAINTENANCE | DRAIN)
        if usable == bool(admin & DRAIN):
            master.order(f"{worker} set server {backend}/{name} state {'ready' if usable else 'drain'}")
