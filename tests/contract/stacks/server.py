"""The control plane alone on 127.0.0.1:<port>, with machines and load balancer in memory. Ends with its stdin.

Every tick a pending instance begins to run, a new target is healthy and a draining one is gone.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

port = int(sys.argv[1])
for name in [name for name in os.environ if name.startswith(("AWS_", "MINISTACK_"))]:
    del os.environ[name]
os.environ.update(BIND_HOST="127.0.0.1", GATEWAY_PORT=str(port), AUTH="true", LOG_LEVEL="WARNING")
# Both would listen on every address.
os.environ.update(SFTP_ENABLED="0", IOT_MTLS_ENABLED="0")

from hypercorn.asyncio import serve  # noqa: E402
from hypercorn.config import Config  # noqa: E402

from localcloud import ministack_seam as seam  # noqa: E402
from localcloud.control_plane.autoscaling import service  # noqa: E402
from localcloud.control_plane.cloudformation import service as cloudformation  # noqa: E402
from localcloud.control_plane.ec2 import launch_templates  # noqa: E402
from localcloud.desired import LaunchRefused  # noqa: E402
from localcloud.settings import Settings  # noqa: E402
from tests.unit.localcloud.autoscaling.fakes import FakeInstances, FakeTargets  # noqa: E402


class Instances(FakeInstances):
    def subnet_zone(self, subnet_id: str, account: str, region: str) -> str | None:
        subnet = seam.module("ministack.services.ec2")._subnets.get_scoped(account, region, subnet_id)
        return subnet["AvailabilityZone"] if subnet else None

    def launch_template(
        self, template_id: str | None, name: str | None, version: str, account: str, region: str
    ) -> tuple[str, str, int, Mapping[str, Any]] | None:
        return launch_templates.resolve(template_id, name, version, account, region)

    def launch_instance(self, launch_template_data: Mapping[str, Any], *rest: Any) -> str:
        if launch_template_data["ImageId"] == "ami-gone":
            raise LaunchRefused("The image id '[ami-gone]' does not exist")
        return super().launch_instance(launch_template_data, *rest)


class Targets(FakeTargets):
    def target_group_exists(self, target_group_arn: str) -> bool:
        self.groups.setdefault(target_group_arn, {})
        return True


seam.check()
instances, targets = Instances(), Targets()
engine = service.install(Settings(Path("/nowhere"), port=port), instances, targets)
cloudformation.install()


def reconcile() -> None:
    while True:
        instances.settle()
        engine.tick(time.time())
        targets.settle()
        time.sleep(0.1)


threading.Thread(target=reconcile, daemon=True).start()
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
config = Config()
config.bind = [f"127.0.0.1:{port}"]
asyncio.run(serve(seam.module("ministack.app").app, config))
