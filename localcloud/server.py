"""The local cloud's server: the AWS API on loopback, and the thread that makes it true.

Started by `localcloud up` as `python -m localcloud.server --state-dir DIR`, with a clean environment
that also holds MiniStack's settings, which it reads when it is imported.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import signal
import sys
import threading
from pathlib import Path

import ministack.app
from hypercorn.asyncio import serve as hypercorn_serve
from hypercorn.config import Config

from localcloud import ministack_seam as seam
from localcloud import settings as settings_file
from localcloud.balancer.balancer import Balancer
from localcloud.control_plane.acm import service as acm
from localcloud.control_plane.autoscaling import service as autoscaling
from localcloud.control_plane.autoscaling.metrics import GroupMetrics
from localcloud.control_plane.cloudformation import service as cloudformation
from localcloud.control_plane.cloudwatch import service as cloudwatch
from localcloud.control_plane.ec2 import role_credentials
from localcloud.control_plane.ec2 import service as ec2
from localcloud.control_plane.ec2.images import MachineImages
from localcloud.control_plane.ec2.instances import Instances
from localcloud.control_plane.ecr import service as ecr
from localcloud.control_plane.elbv2 import service as elbv2
from localcloud.control_plane.logs import service as logs
from localcloud.control_plane.monitoring import service as monitoring
from localcloud.control_plane.monitoring.sources import Sources
from localcloud.control_plane.servicequotas import service as servicequotas
from localcloud.control_plane.sns import service as sns
from localcloud.machines import host, images
from localcloud.machines.engine import Engine
from localcloud.machines.errors import EngineError
from localcloud.machines.local import LocalMachines
from localcloud.machines.metadata import MetadataService
from localcloud.reconciler import Parts, Reconciler
from localcloud.settings import Settings
from localcloud.state import clean_environment

log = logging.getLogger(__name__)

KEEP_ALIVE_SECONDS = 75
PODMAN_CHECK_SECONDS = 5.0


def install(settings: Settings, wake: threading.Event) -> tuple[Reconciler, LocalMachines]:
    """Puts our control plane into MiniStack and joins it with machines and balancer: (reconciler, machines)."""
    seam.check()
    published = MachineImages(images.machine_image_id(settings.engine), images.architecture())
    instances = Instances(settings, published, wake.set)
    machines = LocalMachines(
        settings, Engine(host.socket_path(settings)), MetadataService(role_credentials.instance_credentials), wake
    )
    ec2.install(instances, machines.console)
    ecr.install(settings)
    logs.install()
    servicequotas.install()
    elbv2.install(settings)
    acm.install()
    alarms = cloudwatch.install(settings)
    sns.install(settings, alarms)
    groups = autoscaling.install(settings, instances, elbv2, alarms, wake.set)
    cloudformation.install(settings, alarms)
    sources = Sources(instances, GroupMetrics(groups), elbv2, acm)
    measured = monitoring.install(settings, alarms, sources)
    parts = Parts(instances, elbv2, groups, machines, Balancer(settings), measured, alarms)
    return Reconciler(parts, wake), machines


def _watch_podman(settings: Settings, ended: threading.Event) -> None:
    """Machines reach the engine through its service: one that died is started again."""
    engine = Engine(host.socket_path(settings))
    while not ended.wait(PODMAN_CHECK_SECONDS):
        try:
            engine.request("GET", "/_ping")
        except EngineError:
            log.warning("podman's service does not answer: it is started again")
            with contextlib.suppress(host.HostError):
                host.start_podman(settings, clean_environment(settings))


def serve(settings: Settings) -> None:
    """Until SIGTERM or SIGINT."""
    wake, ended = threading.Event(), threading.Event()
    reconciler, machines = install(settings, wake)
    config = Config()
    config.bind = [f"127.0.0.1:{settings.port}"]
    config.keep_alive_timeout = KEEP_ALIVE_SECONDS
    config.graceful_timeout = 1
    config.loglevel = "WARNING"

    async def run() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await hypercorn_serve(ministack.app.app, config, shutdown_trigger=stop.wait)

    (settings.state_dir / "server.pid").write_text(f"{os.getpid()}\n")
    reconciler.start()
    if settings.engine == "podman":
        threading.Thread(target=_watch_podman, args=(settings, ended), name="podman-watch", daemon=True).start()
    try:
        # Not asyncio.run, which at its end joins the threads of stacks that wait for a refresh or a deletion.
        asyncio.new_event_loop().run_until_complete(run())
    finally:
        ended.set()
        reconciler.stop()
        machines.close()
        (settings.state_dir / "server.pid").unlink(missing_ok=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m localcloud.server")
    parser.add_argument("--state-dir", type=Path, required=True)
    settings = settings_file.load(parser.parse_args().state_dir)
    if settings is None:
        sys.exit("localcloud.server: start it with `python -m localcloud up`")
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("localcloud").setLevel(logging.INFO)
    serve(settings)
    # Worker threads of MiniStack's may still wait for something that never comes.
    logging.shutdown()
    os._exit(0)


if __name__ == "__main__":
    main()
