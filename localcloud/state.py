"""What a local cloud leaves on the host, and how to find and end it: also after its server was killed.

Processes carry the cloud's id in their environment, containers in a label, /etc/hosts lines in a comment. Nothing is
ended by name.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from localcloud.balancer.balancer import Balancer
from localcloud.machines import host, leftovers, local
from localcloud.machines.engine import Engine
from localcloud.machines.errors import EngineError
from localcloud.settings import Settings

MARKER = "LOCALCLOUD_ID"
INHERITED = ("HOME", "LANG", "LC_ALL", "LOGNAME", "PATH", "TMPDIR", "USER", "XDG_RUNTIME_DIR")
"""All that a server takes over from the shell that starts it: above all no AWS_*, whose key would be root there."""
KEPT_FILES = ("log",)
END_SECONDS = 30


def clean_environment(settings: Settings) -> dict[str, str]:
    """For everything that this cloud starts."""
    return {name: os.environ[name] for name in INHERITED if name in os.environ} | {MARKER: settings.cloud_id}


def server_pid(settings: Settings) -> int | None:
    """None when it does not run."""
    with contextlib.suppress(OSError, ValueError):
        pid = int((settings.state_dir / "server.pid").read_text())
        if _belongs(pid, settings):
            return pid
    return None


def processes(settings: Settings, *, contained: bool = False) -> list[int]:
    """Everything that was started by this cloud and still runs; `contained`: inside its machines as well."""
    found = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return [pid for pid in found if pid != os.getpid() and _belongs(pid, settings, contained=contained)]


def _belongs(pid: int, settings: Settings, *, contained: bool = False) -> bool:
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        cgroup = _cgroup(pid)
    except OSError:
        return False
    if f"{MARKER}={settings.cloud_id}".encode() not in environment:
        return False
    # Processes inside a machine carry the id as well; their container is what is ended.
    return contained or ("libpod" not in cgroup and "docker" not in cgroup)


def _cgroup(pid: int) -> str:
    return Path(f"/proc/{pid}/cgroup").read_text()


def end(pids: Iterable[int], seconds: float = END_SECONDS) -> None:
    """SIGTERM, and SIGKILL to those that are still there after `seconds`."""
    left = list(pids)
    for number, patience in ((signal.SIGTERM, seconds), (signal.SIGKILL, 5.0)):
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        deadline = time.monotonic() + patience
        while left and time.monotonic() < deadline:
            left = [pid for pid in left if _alive(pid)]
            time.sleep(0.02)
        if not left:
            return


def _alive(pid: int) -> bool:
    try:
        # A zombie waits for its parent, not for us.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def clear(settings: Settings, say: Callable[[str], None]) -> None:
    """Ends everything of this cloud, whatever state it is in. Raises HostError when the engine cannot be reached."""
    pid = server_pid(settings)
    if pid is not None:
        end([pid])
    _clear_balancers(settings)
    if settings.state_dir.exists() and settings.engine:
        _clear_containers(settings, say)
    # An engine may forget a container that was removed while it started, and leave its process.
    end(processes(settings, contained=True))
    if not settings.state_dir.exists():
        return
    for entry in settings.state_dir.iterdir():
        if entry.name in KEPT_FILES:
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            entry.unlink(missing_ok=True)


def _clear_balancers(settings: Settings) -> None:
    if settings.state_dir.exists():
        Balancer(settings).close()


def _clear_containers(settings: Settings, say: Callable[[str], None]) -> None:
    engine = Engine(host.socket_path(settings))
    try:
        count = local.remove_containers(engine, settings)
    except EngineError:
        if settings.engine != "podman":
            raise
        host.write_podman_configuration(settings)
        host.start_podman(settings, clean_environment(settings))
        count = local.remove_containers(engine, settings)
    if count:
        say(f"Removed {count} container{'s' if count > 1 else ''}")
    # Housekeeping: whatever is the matter with it, the cloud goes down.
    with contextlib.suppress(EngineError):
        leftovers.remove_old_images(engine, settings.registry_host)
