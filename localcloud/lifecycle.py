"""`up` and `down`: the local cloud from nothing, and back to nothing."""

from __future__ import annotations

import dataclasses
import http.client
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from localcloud import settings as settings_file
from localcloud import state
from localcloud.machines import host, images
from localcloud.machines.engine import Engine
from localcloud.machines.host import HostError
from localcloud.ministack_settings import ministack_environment
from localcloud.ports import holder_of
from localcloud.settings import Settings

Say = Callable[[str], None]
START_SECONDS = 60
FIXED = (
    "port",
    "address_block",
    "region",
    "account",
    "time_scale",
    "instance_cpus",
    "smtp",
    "rollback_refresh_honours_alarms",
)
"""Settings that a cloud which runs cannot change."""
BANNER = """\
This is not AWS: it is localcloud, an imitation on this machine's loopback addresses.
  API       {endpoint}  (region {region}, account {account}, AWS_ACCESS_KEY_ID={account}, any secret)
  addresses {block}, time {scale}x
  state     {state_dir}  (log: {log})
  engine    {engine}"""


def up(wanted: Settings, say: Say) -> None:
    """Starts the cloud; when it runs already, says so. Raises HostError before anything is changed."""
    running = settings_file.load(wanted.state_dir)
    if running is not None and state.server_pid(running) is not None and _answers(running):
        differing = _differences(running, wanted)
        if differing:
            raise HostError(f"it runs with another {differing}: run `down` with --state-dir {wanted.state_dir} first")
        say(_banner(running))
        return
    settings = _preflight(wanted, running)
    say("Starting …")
    if running is not None:
        state.clear(running, say)
    settings.state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    settings.save()
    try:
        _start(settings, say)
    except BaseException:
        state.clear(settings, lambda _: None)
        raise
    say(_banner(settings))


def _preflight(wanted: Settings, running: Settings | None) -> Settings:
    """What must be there. Raises HostError."""
    if shutil.which("haproxy") is None and not Path("/usr/sbin/haproxy").exists():
        raise HostError("haproxy is not installed, and load balancers are made with it: install the package haproxy")
    settings = dataclasses.replace(wanted, engine=host.choose_engine(wanted))
    if len(str(host.socket_path(settings))) > host.SOCKET_PATH_LIMIT:
        raise HostError(f"{host.socket_path(settings)} is too long for a socket: choose a shorter --state-dir")
    images.architecture()
    if not shutil.which("mmdebstrap"):
        # Needed for the first time only, but what is cached can be told by a running engine alone.
        images.preflight()
    holder = holder_of("127.0.0.1", settings.port)
    ours = state.server_pid(running) if running else None
    if holder is not None and (ours is None or holder.pid != ours):
        raise HostError(f"127.0.0.1:{settings.port} is taken by {holder}: end it, or choose another --port")
    return settings


def _start(settings: Settings, say: Say) -> None:
    environment = state.clean_environment(settings)
    if settings.engine == "podman":
        host.write_podman_configuration(settings)
        host.start_podman(settings, environment)
    (settings.state_dir / "ministack").mkdir(mode=0o700, exist_ok=True)
    engine = Engine(host.socket_path(settings))
    images.ensure(engine, settings.engine, settings.state_dir, say)
    with settings.log_file.open("ab") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "localcloud.server", "--state-dir", str(settings.state_dir)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=Path(__file__).parent.parent,
            env=environment | ministack_environment(settings),
            start_new_session=True,
        )
    deadline = time.monotonic() + START_SECONDS
    while not _answers(settings):
        if server.poll() is not None or time.monotonic() > deadline:
            said = _last_line(settings.log_file)
            raise HostError(f"the server did not start: {said} (all of it: {settings.log_file})")
        time.sleep(0.05)


def down(state_dir: Path, say: Say) -> None:
    """Ends everything of the cloud in this state directory; none there is no error."""
    settings = settings_file.load(state_dir)
    if settings is None:
        settings = Settings(state_dir)
        if not state.processes(settings):
            say(f"No local cloud in {state_dir}")
    state.clear(settings, say)
    say("The local cloud is down")


def _answers(settings: Settings) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", settings.port, timeout=5)
    try:
        connection.request("GET", "/_ministack/health")
        response = connection.getresponse()
        return response.status == 200 and isinstance(json.loads(response.read()), dict)
    except (OSError, ValueError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _differences(running: Settings, wanted: Settings) -> str:
    changed = [f"--{name.replace('_', '-')}" for name in FIXED if getattr(running, name) != getattr(wanted, name)]
    if wanted.engine and wanted.engine != running.engine:
        changed.append("--engine")
    return ", ".join(changed)


def _banner(settings: Settings) -> str:
    return BANNER.format(
        endpoint=settings.endpoint,
        region=settings.region,
        account=settings.account,
        block=settings.address_block,
        scale=f"{settings.time_scale:g}",
        state_dir=settings.state_dir,
        log=settings.log_file,
        engine=settings.engine,
    )


def _last_line(path: Path) -> str:
    lines = path.read_text(errors="replace").strip().splitlines() if path.exists() else []
    return lines[-1] if lines else "it said nothing"
