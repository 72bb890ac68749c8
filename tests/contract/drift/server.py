"""Every service that our templates use, on 127.0.0.1:<port>, without machines and balancer. Ends with its stdin."""

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

from localcloud.ministack_settings import ministack_environment  # noqa: E402
from localcloud.settings import Settings  # noqa: E402

settings = Settings(Path(sys.argv[2]), port=port)
os.environ.update(ministack_environment(settings))

from hypercorn.asyncio import serve  # noqa: E402
from hypercorn.config import Config  # noqa: E402

from localcloud import ministack_seam as seam  # noqa: E402
from localcloud.control_plane.acm import service as acm  # noqa: E402
from localcloud.control_plane.autoscaling import service as autoscaling  # noqa: E402
from localcloud.control_plane.cloudformation import service as cloudformation  # noqa: E402
from localcloud.control_plane.ec2 import launch_templates  # noqa: E402
from localcloud.control_plane.elbv2 import service as elbv2  # noqa: E402
from tests.unit.localcloud.autoscaling.fakes import FakeInstances, FakeTargets  # noqa: E402


class Instances(FakeInstances):
    def subnet_zone(self, subnet_id: str, account: str, region: str) -> str | None:
        subnet = seam.module("ministack.services.ec2")._subnets.get_scoped(account, region, subnet_id)
        return subnet["AvailabilityZone"] if subnet else None

    def launch_template(
        self, template_id: str | None, name: str | None, version: str, account: str, region: str
    ) -> tuple[str, str, int, Mapping[str, Any]] | None:
        return launch_templates.resolve(template_id, name, version, account, region)


class Targets(FakeTargets):
    def target_group_exists(self, target_group_arn: str) -> bool:
        self.groups.setdefault(target_group_arn, {})
        return True


seam.check()
instances, targets = Instances(), Targets()
acm.install()
elbv2.install(settings)
engine = autoscaling.install(settings, instances, targets)
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
