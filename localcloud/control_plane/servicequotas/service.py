"""Service Quotas: GetServiceQuota for what a deployment asks about.

The values are those of an account that has been raised far above what this machine could run: nothing is refused here
for want of a quota, and preflight's questions get answers. Nothing in the local cloud enforces them.
Reference: Service Quotas API reference, GetServiceQuota; the names are the Service Quotas console's.
"""

from __future__ import annotations

from typing import Any

from localcloud import ministack_seam as seam
from localcloud.rpc import RpcService
from localcloud.wire import AwsError

QUOTAS = {
    ("ec2", "L-1216C47A"): ("Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances", 1024.0),
    ("vpc", "L-F678F1CE"): ("VPCs per Region", 256.0),
    ("elasticloadbalancing", "L-53DA6B97"): ("Application Load Balancers per Region", 256.0),
}


def install() -> None:
    """Once per process, before the first request."""
    api = RpcService("service-quotas", {"GetServiceQuota": get_service_quota})
    seam.replace_service("servicequotas", api.handle_request)


def get_service_quota(values: dict[str, Any]) -> dict[str, Any]:
    service, code = values["ServiceCode"], values["QuotaCode"]
    if (service, code) not in QUOTAS:
        raise AwsError("NoSuchResourceException", f"localcloud does not know quota {code} of {service}")
    account, region = seam.scope()
    name, value = QUOTAS[service, code]
    return {
        "Quota": {
            "ServiceCode": service,
            "QuotaArn": f"arn:aws:servicequotas:{region}:{account}:{service}/{code}",
            "QuotaCode": code,
            "QuotaName": name,
            "Value": value,
            "Unit": "None",
            "Adjustable": True,
            "GlobalQuota": False,
        }
    }
