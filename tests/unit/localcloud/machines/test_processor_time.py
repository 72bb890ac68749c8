"""Processor time per instance, read from control groups of either version, never less than before."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from localcloud.machines.engine import Engine
from localcloud.machines.errors import EngineError
from localcloud.machines.processor_time import ProcessorTime


class FakeEngine(Engine):
    """Knows the processes of containers, and their statistics when no process is to be seen."""

    def __init__(self, pids: Mapping[str, int], used: Mapping[str, int] | None = None) -> None:
        super().__init__(Path("/nowhere"))
        self.pids = dict(pids)
        self.used = dict(used or {})
        self.requests: list[str] = []

    def request(self, method: str, path: str, *_: Any, **__: Any) -> Any:
        self.requests.append(path)
        container, what = path.split("/")[2:]
        if what == "stats":
            return {"cpu_stats": {"cpu_usage": {"total_usage": self.used[container]}}}
        if container not in self.pids:
            raise EngineError("no such container", 404)
        return {"State": {"Pid": self.pids[container]}}


class Host:
    """A host's /proc and control groups."""

    def __init__(self, root: Path, *kinds: str) -> None:
        self.root = root
        self.mounts = root / "mounts"
        lines = ["proc /proc proc rw 0 0"]
        if "1" in kinds:
            lines.append(f"cgroup {root}/cpu,cpuacct cgroup rw,relatime,cpu,cpuacct 0 0")
        if "2" in kinds:
            lines.append(f"cgroup2 {root}/unified cgroup2 rw 0 0")
        self.mounts.write_text("\n".join(lines) + "\n")

    def process(self, pid: int, *groups: str) -> None:
        (self.root / "proc" / str(pid)).mkdir(parents=True)
        (self.root / "proc" / str(pid) / "cgroup").write_text("".join(f"{line}\n" for line in groups))

    def uses(self, group: str, seconds: float) -> Path:
        """In either version, as `group` says."""
        directory = self.root / group
        directory.mkdir(parents=True, exist_ok=True)
        if group.startswith("unified"):
            file = directory / "cpu.stat"
            file.write_text(f"usage_usec {int(seconds * 1e6)}\nuser_usec 1\nsystem_usec 2\n")
        else:
            file = directory / "cpuacct.usage"
            file.write_text(f"{int(seconds * 1e9)}\n")
        return file

    def meter(self, engine: Engine) -> ProcessorTime:
        return ProcessorTime(engine, self.mounts, self.root / "proc")


KINDS = {
    "podman, hybrid": (
        ("1", "2"),
        ("3:cpu,cpuacct:/libpod_parent/libpod-{0}", "0::/libpod_parent/libpod-{0}"),
        "cpu,cpuacct/libpod_parent/libpod-{0}",
    ),
    "podman, version 2": (
        ("2",),
        ("0::/machine.slice/libpod-{0}.scope/container",),
        "unified/machine.slice/libpod-{0}.scope",
    ),
    "docker, version 1": (
        ("1",),
        ("4:cpu,cpuacct:/docker/{0}", "1:name=systemd:/docker/{0}"),
        "cpu,cpuacct/docker/{0}",
    ),
    "docker, version 2": (("2",), ("0::/system.slice/docker-{0}.scope",), "unified/system.slice/docker-{0}.scope"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_containers_of_an_instance_are_added_up(tmp_path: Path, kind: str) -> None:
    versions, lines, group = KINDS[kind]
    host = Host(tmp_path, *versions)
    for pid, container, seconds in ((11, "aaa", 1.5), (12, "bbb", 20.25), (13, "ccc", 3)):
        host.process(pid, *(line.format(container) for line in lines))
        host.uses(group.format(container), seconds)
    meter = host.meter(FakeEngine({"aaa": 11, "bbb": 12, "ccc": 13}))
    meter.watch({"aaa": "i-1", "bbb": "i-1", "ccc": "i-2"})
    assert meter.seconds() == {"i-1": 21.75, "i-2": 3}
    host.uses(group.format("bbb"), 21.25)
    assert meter.seconds() == {"i-1": 22.75, "i-2": 3}


@pytest.fixture
def host(tmp_path: Path) -> Host:
    found = Host(tmp_path, "1")
    for pid, container in ((11, "aaa"), (12, "bbb"), (13, "ccc")):
        found.process(pid, f"2:cpuacct:/libpod_parent/libpod-{container}")
    return found


def test_a_container_that_starts_again_does_not_take_away_what_it_had_used(host: Host) -> None:
    meter = host.meter(FakeEngine({"aaa": 11, "bbb": 12}))
    host.uses("cpu,cpuacct/libpod_parent/libpod-aaa", 1)
    app = host.uses("cpu,cpuacct/libpod_parent/libpod-bbb", 10)
    meter.watch({"aaa": "i-1", "bbb": "i-1"})
    assert meter.seconds() == {"i-1": 11}
    app.unlink()
    assert meter.seconds() == {"i-1": 11}, "between its end and its start"
    host.uses("cpu,cpuacct/libpod_parent/libpod-bbb", 0.5)
    assert meter.seconds() == {"i-1": 11.5}
    host.uses("cpu,cpuacct/libpod_parent/libpod-bbb", 0.75)
    assert meter.seconds() == {"i-1": 11.75}


def test_a_container_that_is_replaced_stays_counted(host: Host) -> None:
    meter = host.meter(FakeEngine({"aaa": 11, "bbb": 12, "ccc": 13}))
    host.uses("cpu,cpuacct/libpod_parent/libpod-aaa", 1)
    host.uses("cpu,cpuacct/libpod_parent/libpod-bbb", 10)
    meter.watch({"aaa": "i-1", "bbb": "i-1"})
    assert meter.seconds() == {"i-1": 11}
    host.uses("cpu,cpuacct/libpod_parent/libpod-ccc", 2)
    meter.watch({"aaa": "i-1", "ccc": "i-1"})
    assert meter.seconds() == {"i-1": 13}


def test_a_new_container_is_noticed_without_asking_the_engine(host: Host) -> None:
    engine = FakeEngine({"aaa": 11})
    meter = host.meter(engine)
    host.uses("cpu,cpuacct/libpod_parent/libpod-aaa", 1)
    meter.watch({"aaa": "i-1"})
    asked = len(engine.requests)
    meter.seconds()
    assert not meter.unknown_containers()
    host.uses("cpu,cpuacct/libpod_parent/libpod-somebody-elses", 1)
    assert meter.unknown_containers()
    assert len(engine.requests) == asked
    meter.watch({"aaa": "i-1"})
    assert not meter.unknown_containers()


def test_an_instance_that_is_gone_is_forgotten(host: Host) -> None:
    meter = host.meter(FakeEngine({"aaa": 11}))
    host.uses("cpu,cpuacct/libpod_parent/libpod-aaa", 1)
    meter.watch({"aaa": "i-1"})
    meter.forget("i-1")
    assert meter.seconds() == {}


def test_the_engine_is_asked_where_no_process_is_to_be_seen(host: Host) -> None:
    """A daemon in another process name space."""
    meter = host.meter(FakeEngine({"aaa": 99}, {"aaa": 2_500_000_000}))
    meter.watch({"aaa": "i-1"})
    assert meter.seconds() == {"i-1": 2.5}


def test_a_container_that_was_still_starting_is_found_at_the_next_look(host: Host) -> None:
    engine = FakeEngine({"aaa": 0}, {"aaa": 0})
    meter = host.meter(engine)
    meter.watch({"aaa": "i-1"})
    assert meter.seconds() == {"i-1": 0}
    engine.pids["aaa"] = 11
    host.uses("cpu,cpuacct/libpod_parent/libpod-aaa", 1.5)
    meter.watch({"aaa": "i-1"})
    assert meter.seconds() == {"i-1": 1.5}
    asked = len(engine.requests)
    meter.seconds()
    assert len(engine.requests) == asked
