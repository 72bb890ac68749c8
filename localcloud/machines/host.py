"""Which container engine the host has, and which settings it needs to run one here.

Only what the host needs is set: everything else stays as the distribution configured it.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import time
from pathlib import Path

from localcloud.machines.engine import Engine
from localcloud.machines.errors import EngineError
from localcloud.settings import Settings

DOCKER_SOCKET = Path("/var/run/docker.sock")
ENGINES = ("podman", "docker")
SOCKET_PATH_LIMIT = 107
"""Bytes of a Unix socket's path (`man 7 unix`: 108 with the final null)."""


class HostError(Exception):
    """The host lacks something; the message names the package or option that helps."""


def socket_path(settings: Settings) -> Path:
    """Where the engine listens: a Podman service of this cloud's own, or the Docker daemon."""
    return settings.state_dir / "engine" / "engine.sock" if settings.engine == "podman" else docker_socket()


def docker_socket() -> Path:
    host = os.environ.get("DOCKER_HOST", "")
    return Path(host.removeprefix("unix://")) if host.startswith("unix://") else DOCKER_SOCKET


def engine_environment(state_dir: Path) -> dict[str, str]:
    """What a Podman of this cloud must find in its environment."""
    return {
        "CONTAINERS_CONF": str(state_dir / "containers.conf"),
        "CONTAINERS_REGISTRIES_CONF": str(state_dir / "registries.conf"),
    }


def write_podman_configuration(settings: Settings) -> None:
    """Writes containers.conf and registries.conf into the state directory."""
    (settings.state_dir / "containers.conf").write_text(containers_conf())
    (settings.state_dir / "registries.conf").write_text(
        "# Written by `localcloud up`. The registry of a local cloud speaks plain HTTP, on loopback only.\n"
        'unqualified-search-registries = ["docker.io"]\n\n'
        f'[[registry]]\nlocation = "{settings.registry_host}"\ninsecure = true\n'
    )


def containers_conf() -> str:
    """Reads the host's limits and control groups; Podman's own defaults fail where these are unusual."""
    containers = ["# No bridge and no packet filter: everything of a local cloud is on loopback.", 'netns = "host"']
    limits = ", ".join(f'"{name}={hard}:{hard}"' for name, hard in tight_limits().items())
    if limits:
        containers += ["# Podman's defaults exceed the hard limits here.", f"default_ulimits = [{limits}]"]
    engine = []
    if not Path("/sys/fs/cgroup/cgroup.controllers").exists() and shutil.which("runc", path=_path()):
        engine += ["# crun refuses hybrid control groups.", 'runtime = "runc"']
    if not Path("/run/systemd/system").exists():
        engine += ["# No systemd to ask for control groups, and no journal.", 'cgroup_manager = "cgroupfs"']
        engine += ['events_logger = "file"']
    text = (
        "# Written by `localcloud up`: what Podman needs on this host.\n[containers]\n" + "\n".join(containers) + "\n"
    )
    return text + ("\n[engine]\n" + "\n".join(engine) + "\n" if engine else "")


def tight_limits() -> dict[str, int]:
    """Hard limits of this host that are below what Podman gives a container by default, which then fails."""
    found = {}
    for name, limit, default in (
        ("nofile", resource.RLIMIT_NOFILE, 1048576),
        ("nproc", resource.RLIMIT_NPROC, 4194304),
    ):
        hard = resource.getrlimit(limit)[1]
        if hard != resource.RLIM_INFINITY and hard < default:
            found[name] = hard
    if "nproc" in found:
        # Podman lowers its own limit to the number of process ids there are, and cannot give away more.
        found["nproc"] = min(found["nproc"], int(Path("/proc/sys/kernel/pid_max").read_text()))
    return found


def choose_engine(settings: Settings) -> str:
    """The engine whose daemon answers, `podman` before `docker`. Raises HostError when there is none."""
    wanted = (settings.engine,) if settings.engine else ENGINES
    complaints = []
    for name in wanted:
        complaint = _podman_complaint() if name == "podman" else _docker_complaint()
        if not complaint:
            return name
        complaints.append(f"{name}: {complaint}")
    raise HostError(f"no container engine works ({'; '.join(complaints)}): install the package podman")


def _podman_complaint() -> str:
    if shutil.which("podman", path=_path()) is None:
        return "not installed"
    done = subprocess.run(["podman", "--version"], capture_output=True, text=True, timeout=30, check=False)
    return "" if done.returncode == 0 else _last_line(done.stderr)


def _docker_complaint() -> str:
    try:
        Engine(docker_socket()).version()
    except EngineError as error:
        return str(error) if docker_socket().exists() else f"no daemon listens on {docker_socket()}"
    return ""


def start_podman(settings: Settings, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    """Starts `podman system service` on the cloud's own socket and waits for it. Raises HostError."""
    path = socket_path(settings)
    if len(str(path)) > SOCKET_PATH_LIMIT:
        raise HostError(f"{path} is too long for a socket's path: choose a shorter --state-dir")
    path.parent.mkdir(mode=0o700, exist_ok=True)
    path.unlink(missing_ok=True)
    # A file, not a pipe: the service outlives whoever starts it, and ends when it writes to a pipe nobody holds.
    log_file = settings.state_dir / "podman.log"
    with log_file.open("wb") as log:
        service = subprocess.Popen(
            ["podman", "system", "service", "--time=0", f"unix://{path}"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=environment | engine_environment(settings.state_dir),
            start_new_session=True,
        )
    (settings.state_dir / "podman.pid").write_text(f"{service.pid}\n")
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and service.poll() is None:
        if path.exists():
            try:
                Engine(path).version()
                return service
            except EngineError:
                pass
        time.sleep(0.05)
    service.kill()
    service.wait()
    raise HostError(f"podman does not start: {_last_line(log_file.read_text(errors='replace'))}")


def _path() -> str:
    return os.environ.get("PATH", "") + ":/usr/sbin:/sbin:/usr/local/sbin"


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "no reason given"
