"""The machines of one local cloud, as containers of the host's engine."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import select
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path

from localcloud.desired import CpuReading, MachineSpec, MachineState
from localcloud.instance_types import instance_type
from localcloud.machines import images, metadata
from localcloud.machines.engine import ContainerSpec, Engine
from localcloud.machines.errors import EngineError
from localcloud.machines.host import tight_limits
from localcloud.machines.processor_time import ProcessorTime
from localcloud.settings import Settings

log = logging.getLogger(__name__)

INSTANCE_LABEL = "localcloud.instance"
CLOUD_LABEL = "localcloud"
MACHINE_LABEL = "localcloud.machine"
SHUTDOWN_SECONDS = 60
"""How long an instance may take to shut down: a container's stop time-out (40 s in our user data) and some more."""
LOOK_EVERY = 5.0
"""Seconds between two looks at the engine; in between the kernel says at once when a machine's process ends."""
CONSOLE_LIMIT = 64 * 1024
"""Bytes that GetConsoleOutput returns at most (EC2 User Guide, "Instance console output")."""
_INSTANCE_ID = re.compile(r"i-[0-9a-f]{17}")


class LocalMachines:
    """Implements `desired.Machines`. Starting and stopping happen in the background, one thread per machine."""

    def __init__(self, settings: Settings, engine: Engine, service: metadata.MetadataService, wake: threading.Event):
        self._settings = settings
        self._engine = engine
        self._metadata = service
        self._wake = wake
        # Whatever it is published as, there is one.
        self._image = images.image_of(images.machine_image_id(settings.engine))
        self._directory = settings.state_dir / "machines"
        self._directory.mkdir(mode=0o700, exist_ok=True)
        self._pool = ThreadPoolExecutor(16, thread_name_prefix="machine")
        self._lock = threading.Lock()
        self._states: dict[str, MachineState] = {}
        self._busy: dict[str, Future[None]] = {}
        self._watched: dict[str, int] = {}
        self._looked = 0.0
        self._processor_time = ProcessorTime(engine)
        self._processor_time_lock = threading.Lock()
        self._processors: dict[str, float] = {}

    # --- desired.Machines ---------------------------------------------------------------------------------

    def start(self, spec: MachineSpec) -> None:
        with self._lock:
            if spec.instance_id in self._busy or spec.instance_id in self._states:
                return
            self._busy[spec.instance_id] = self._pool.submit(self._work, spec.instance_id, lambda: self._start(spec))

    def stop(self, instance_id: str) -> None:
        with self._lock:
            if instance_id not in self._busy:
                self._busy[instance_id] = self._pool.submit(self._work, instance_id, lambda: self._stop(instance_id))

    def observed(self) -> Mapping[str, MachineState]:
        """Machines that were ever started: running, or gone. One that is being started is not listed yet."""
        self._look()
        with self._lock:
            return dict(self._states)

    def console(self, instance_id: str) -> str:
        if not _INSTANCE_ID.fullmatch(instance_id):
            return ""
        try:
            with (self._directory / instance_id / "console").open("rb") as file:
                file.seek(max(0, os.fstat(file.fileno()).st_size - CONSOLE_LIMIT))
                return file.read().decode(errors="replace")
        except FileNotFoundError:
            return ""

    def cpu(self) -> Mapping[str, CpuReading]:
        with self._processor_time_lock:
            unknown = self._processor_time.unknown_containers()
        if unknown:
            self._look(now=True)
        with self._processor_time_lock:
            used = self._processor_time.seconds()
        with self._lock:
            running = [name for name, state in self._states.items() if state == "running"]
        return {name: CpuReading(used[name], self._processors[name]) for name in running if name in used}

    def close(self) -> None:
        """Ends every machine at once, without a shutdown."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._metadata.close()
        for descriptor in self._watched.values():
            os.close(descriptor)
        self._watched.clear()
        remove_containers(self._engine, self._settings)

    # --- in the background --------------------------------------------------------------------------------

    def _work(self, instance_id: str, job: Callable[[], None]) -> None:
        try:
            job()
        except EngineError as error:
            log.error("%s: %s", instance_id, error)
            self._note(instance_id, f"localcloud: {error}\n")
            with self._lock:
                self._states[instance_id] = "gone"
        except Exception:
            log.exception("%s", instance_id)
        finally:
            with self._lock:
                self._busy.pop(instance_id, None)
            self._wake.set()

    def _start(self, spec: MachineSpec) -> None:
        home = self._directory / spec.instance_id
        home.mkdir(mode=0o700, exist_ok=True)
        (home / "console").touch(mode=0o600)
        self._metadata.add(spec)
        kind = instance_type(spec.instance_type)
        self._processors[spec.instance_id] = self._cpus(spec)
        self._engine.start(
            ContainerSpec(
                name=f"{self._settings.cloud_id}-{spec.instance_id}",
                image=self._image,
                hostname=f"ip-{spec.private_address.replace('.', '-')}",
                environment=self._environment(spec),
                labels={
                    CLOUD_LABEL: self._settings.cloud_id,
                    INSTANCE_LABEL: spec.instance_id,
                    MACHINE_LABEL: "1",
                },
                binds=[
                    f"{home / 'console'}:/run/localcloud/console",
                    *self._engine_configuration(),
                ],
                # Podman's service does not look at default_ulimits when asked through this interface.
                limits=tight_limits() if self._settings.engine == "podman" else {},
                # Without the cap, which would slow booting down more than any instance type does.
                cpus=kind.host_cpus if kind else 0,
                memory=kind.memory if kind else 0,
            )
        )
        with self._lock:
            self._states[spec.instance_id] = "running"
        self._look(now=True)

    def _engine_configuration(self) -> list[str]:
        socket = self._engine.socket_path
        if self._settings.engine != "podman":
            return [f"{socket}:/run/localcloud/engine/engine.sock"]
        names = ("containers.conf", "registries.conf")
        # The socket's directory: a service that is started again makes a new socket in it.
        shared = [f"{self._settings.state_dir / name}:/etc/containers/{name}:ro" for name in names]
        return [f"{socket.parent}:/run/localcloud/engine", *shared]

    def _cpus(self, spec: MachineSpec) -> float:
        """What the applications of an instance may use, and what its utilisation is measured against."""
        kind = instance_type(spec.instance_type)
        own = float(kind.host_cpus if kind else os.cpu_count() or 1)
        return min(own, self._settings.instance_cpus or own)

    def _environment(self, spec: MachineSpec) -> dict[str, str]:
        kind = instance_type(spec.instance_type)
        limits = {"LOCALCLOUD_CPUS": f"{self._cpus(spec):g}", "LOCALCLOUD_MEMORY": str(kind.memory)} if kind else {}
        return limits | {
            "AWS_ENDPOINT_URL": self._settings.endpoint,
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": metadata.endpoint(spec.private_address),
            "NO_PROXY": "*",
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "LOCALCLOUD_ENGINE": self._settings.engine,
            "LOCALCLOUD_ID": self._settings.cloud_id,
            "LOCALCLOUD_INSTANCE_ID": spec.instance_id,
            "LOCALCLOUD_LABEL": INSTANCE_LABEL,
        }

    def _stop(self, instance_id: str) -> None:
        """Shuts an instance down: the machine first, which stops its containers, then whatever is left of them."""
        self._engine.stop(f"{self._settings.cloud_id}-{instance_id}", SHUTDOWN_SECONDS)
        self._forget(instance_id)

    def _forget(self, instance_id: str) -> None:
        for container in self._engine.containers(f"{INSTANCE_LABEL}={instance_id}"):
            self._engine.remove(str(container["Id"]))
        self._metadata.remove(instance_id)
        with self._lock:
            self._states[instance_id] = "gone"
        with self._processor_time_lock:
            self._processor_time.forget(instance_id)

    def _note(self, instance_id: str, text: str) -> None:
        with contextlib.suppress(OSError), (self._directory / instance_id / "console").open("a") as console:
            console.write(text)

    # --- looking ------------------------------------------------------------------------------------------

    def _look(self, now: bool = False) -> None:
        """Finds machines that ended, and ends what they started."""
        due = now or time.monotonic() - self._looked > LOOK_EVERY
        if due or self._any_ended():
            self._looked = time.monotonic()
            found = [
                one
                for one in self._engine.containers(f"{CLOUD_LABEL}={self._settings.cloud_id}")
                if one["State"] == "running" and INSTANCE_LABEL in one["Labels"]
            ]
            running = {
                str(one["Labels"][INSTANCE_LABEL]): str(one["Id"]) for one in found if MACHINE_LABEL in one["Labels"]
            }
            with self._processor_time_lock:
                self._processor_time.watch({str(one["Id"]): str(one["Labels"][INSTANCE_LABEL]) for one in found})
            self._watch(running)
            with self._lock:
                lost = [
                    name
                    for name, state in self._states.items()
                    if state == "running" and name not in running and name not in self._busy
                ]
                for name in lost:
                    self._states[name] = "gone"
                    self._busy[name] = self._pool.submit(self._work, name, partial(self._forget, name))
            for name in lost:
                self._note(name, "localcloud: the machine has ended\n")

    def _any_ended(self) -> bool:
        """A process descriptor is readable once its process has ended (`man 2 pidfd_open`)."""
        with self._lock:
            descriptors = list(self._watched.values())
        return bool(descriptors) and bool(select.select(descriptors, [], [], 0)[0])

    def _watch(self, running: Mapping[str, str]) -> None:
        with self._lock:
            for name in set(self._watched) - set(running):
                os.close(self._watched.pop(name))
            missing = {name: container for name, container in running.items() if name not in self._watched}
        for name, container in missing.items():
            state = self._engine.request("GET", f"/containers/{container}/json")["State"]
            # A daemon in another process name space gives ids that mean nothing here: then only LOOK_EVERY tells.
            with contextlib.suppress(OSError):
                if state["Pid"] and str(container) in Path(f"/proc/{state['Pid']}/cgroup").read_text():
                    with self._lock:
                        self._watched[name] = os.pidfd_open(state["Pid"])


def remove_containers(engine: Engine, settings: Settings) -> int:
    """Removes every container of a cloud, running or not; how many there were."""
    found = [str(one["Id"]) for one in engine.containers(f"{CLOUD_LABEL}={settings.cloud_id}")]
    if found:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(engine.remove, found))
    return len(found)
