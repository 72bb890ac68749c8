"""Control plane and balancer on 127.0.0.1:<port>, with instance records that nobody runs. Ends with its stdin.

Arguments: port, state directory, address block. Instances i-1 … i-4 have the block's addresses .0.11 … .0.14.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import threading
import time
from ipaddress import IPv4Network
from pathlib import Path

port, state_dir, block = int(sys.argv[1]), Path(sys.argv[2]), IPv4Network(sys.argv[3])
for name in [name for name in os.environ if name.startswith(("AWS_", "MINISTACK_"))]:
    del os.environ[name]
os.environ.update(BIND_HOST="127.0.0.1", GATEWAY_PORT=str(port), AUTH="true", LOG_LEVEL="DEBUG")
# Both would listen on every address.
os.environ.update(SFTP_ENABLED="0", IOT_MTLS_ENABLED="0")

from hypercorn.asyncio import serve  # noqa: E402
from hypercorn.config import Config  # noqa: E402

from localcloud import ministack_seam as seam  # noqa: E402
from localcloud.balancer import Balancer  # noqa: E402
from localcloud.control_plane.acm import service as acm  # noqa: E402
from localcloud.control_plane.elbv2 import service as elbv2  # noqa: E402
from localcloud.settings import Settings  # noqa: E402

SCALE = 20.0
settings = Settings(state_dir, port=port, address_block=block, time_scale=SCALE)
acm.install()
elbv2.install(settings)
with seam.request_scope("000000000000", "us-east-1"):
    for number in range(1, 5):
        seam.module("ministack.services.ec2")._instances[f"i-{number}"] = {
            "InstanceId": f"i-{number}",
            "State": {"Code": 16, "Name": "running"},
            "PrivateIpAddress": str(block.network_address + 10 + number),
        }


def reconcile() -> None:
    balancer = Balancer(settings, state_dir / "hosts")
    while True:
        try:
            balancer.apply(elbv2.desired_load_balancers())
        except Exception:
            logging.exception("the balancer complains")
        for arn, health in balancer.health().items():
            elbv2.target_health_observed(arn, health)
        time.sleep(0.1)


threading.Thread(target=reconcile, daemon=True).start()
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
config = Config()
config.bind = [f"127.0.0.1:{port}"]
asyncio.run(serve(seam.module("ministack.app").app, config))
