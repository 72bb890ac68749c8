"""Processor time of containers, from the kernel's own accounting.

A reading is one small file per container. Which file that is depends on how control groups are mounted (`man 7
cgroups`): `cpuacct.usage` (nanoseconds) where version 1 counts, `cpu.stat` (`usage_usec`) where version 2 does; both
on a hybrid host. Where a container's process is not visible from here, as with a daemon in a virtual machine, the
engine is asked.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from localcloud.machines.engine import Engine
from localcloud.machines.errors import EngineError

MOUNTS = Path("/proc/self/mounts")
PROCESSES = Path("/proc")


@dataclass
class _Meter:
    """One container's. A container that is started again begins at 0: what it had used before is kept in `before`."""

    instance_id: str
    file: Path | None
    before: float = 0.0
    last: float = 0.0

    def advance(self, seconds: float) -> None:
        if seconds < self.last:
            self.before += self.last
        self.last = seconds


class ProcessorTime:
    """Seconds that the containers of each instance have used. Not thread-safe."""

    def __init__(self, engine: Engine, mounts: Path = MOUNTS, processes: Path = PROCESSES) -> None:
        self._engine = engine
        self._processes = processes
        self._version_1, self._version_2 = _hierarchies(mounts)
        self._meters: dict[str, _Meter] = {}
        self._running: set[str] = set()
        self._seen: dict[Path, set[str]] = {}

    def watch(self, containers: Mapping[str, str]) -> None:
        """These run now: container id → instance id. What others have used stays counted."""
        self._running = set(containers)
        for container, instance_id in containers.items():
            meter = self._meters.setdefault(container, _Meter(instance_id, None))
            # One that has just begun to start may not have a process to be found by yet.
            meter.file = meter.file or self._file(container)
        self._seen = {parent: _names(parent) for parent in self._parents()}

    def forget(self, instance_id: str) -> None:
        for container in [key for key, meter in self._meters.items() if meter.instance_id == instance_id]:
            del self._meters[container]

    def unknown_containers(self) -> bool:
        """Whether a control group has come into being beside those of our containers since `watch`."""
        return any(_names(parent) - names for parent, names in self._seen.items())

    def seconds(self) -> dict[str, float]:
        """Instance id → what all its containers, those that are gone included, have used."""
        for container in self._running & set(self._meters):
            meter = self._meters[container]
            used = self._asked(container) if meter.file is None else _read(meter.file)
            if used is not None:
                meter.advance(used)
        total: dict[str, float] = {}
        for meter in self._meters.values():
            total[meter.instance_id] = total.get(meter.instance_id, 0.0) + meter.before + meter.last
        return total

    def _parents(self) -> Iterable[Path]:
        return {meter.file.parent.parent for meter in self._meters.values() if meter.file is not None}

    def _file(self, container: str) -> Path | None:
        """None where the container's process is not one of this host's."""
        try:
            pid = self._engine.request("GET", f"/containers/{container}/json")["State"]["Pid"]
            lines = (self._processes / str(pid) / "cgroup").read_text().splitlines()
        except (EngineError, OSError):
            return None
        groups = {controllers: path for _, controllers, path in (line.split(":", 2) for line in lines)}
        candidates = []
        if self._version_1:
            path = next((p for names, p in groups.items() if "cpuacct" in names.split(",")), "")
            candidates.append((self._version_1, path, "cpuacct.usage"))
        if self._version_2:
            candidates.append((self._version_2, groups.get("", ""), "cpu.stat"))
        for root, path, name in candidates:
            own = _up_to(path, container)
            if own and (root / own / name).exists():
                return root / own / name
        return None

    def _asked(self, container: str) -> float | None:
        """By the engine: several milliseconds for each container."""
        with contextlib.suppress(EngineError, KeyError, TypeError):
            stats = self._engine.request(
                "GET", f"/containers/{container}/stats", {"stream": "false", "one-shot": "true"}
            )
            return float(stats["cpu_stats"]["cpu_usage"]["total_usage"]) / 1e9
        return None


def _hierarchies(mounts: Path) -> tuple[Path | None, Path | None]:
    """Where version 1 counts processor time, and where version 2 is mounted."""
    version_1 = version_2 = None
    with contextlib.suppress(OSError):
        for line in mounts.read_text().splitlines():
            _, directory, kind, options, *_ = line.split()
            if kind == "cgroup" and "cpuacct" in options.split(","):
                version_1 = Path(directory)
            elif kind == "cgroup2":
                version_2 = Path(directory)
    return version_1, version_2


def _up_to(path: str, container: str) -> str:
    """The container's own control group: its engine may have made further ones inside."""
    parts = path.strip("/").split("/")
    for count, part in enumerate(parts, 1):
        if container in part:
            return "/".join(parts[:count])
    return ""


def _names(directory: Path) -> set[str]:
    with contextlib.suppress(OSError):
        return {entry.name for entry in directory.iterdir() if entry.is_dir()}
    return set()


def _read(file: Path) -> float | None:
    """Seconds; None when the container does not run any more."""
    try:
        text = file.read_text()
    except OSError:
        return None
    if file.name == "cpuacct.usage":
        return int(text) / 1e9
    return next((int(line.split()[1]) / 1e6 for line in text.splitlines() if line.startswith("usage_usec ")), None)
