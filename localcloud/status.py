"""`status`: what runs in a local cloud, as its own API tells it."""

from __future__ import annotations

import json
import sys
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from localcloud import state
from localcloud.settings import Settings

NOT_RUNNING = 3


def show(settings: Settings | None, *, as_json: bool) -> int:
    """Prints it and returns the exit code: 0 when the cloud runs, 3 when it does not."""
    if settings is None or state.server_pid(settings) is None:
        print(json.dumps({"running": False}) if as_json else "No local cloud runs here: `python -m localcloud up`")
        return NOT_RUNNING
    try:
        report = collect(settings)
    except (BotoCoreError, ClientError) as error:
        print(f"localcloud: the API does not answer as it should: {error}", file=sys.stderr)
        return 1
    print(json.dumps(report, indent=2) if as_json else _text(report))
    return 0


def _client(settings: Settings, service: str) -> Any:
    session = botocore.session.Session()
    session.set_credentials(settings.account, "local")
    patience = Config(connect_timeout=5, read_timeout=20, retries={"max_attempts": 1})
    return session.create_client(service, settings.region, endpoint_url=settings.endpoint, config=patience)


def collect(settings: Settings) -> dict[str, Any]:
    """Raises botocore's errors."""
    elbv2, autoscaling, ec2 = (_client(settings, name) for name in ("elbv2", "autoscaling", "ec2"))
    balancers = []
    for balancer in elbv2.describe_load_balancers()["LoadBalancers"]:
        arn = balancer["LoadBalancerArn"]
        listeners = elbv2.describe_listeners(LoadBalancerArn=arn)["Listeners"]
        groups = elbv2.describe_target_groups(LoadBalancerArn=arn)["TargetGroups"]
        urls = [_url(balancer["DNSName"], listener) for listener in listeners]
        targets = [_targets(elbv2, one) for one in groups]
        balancers.append({"name": balancer["LoadBalancerName"], "urls": urls, "target_groups": targets})
    return {
        "running": True,
        "endpoint": settings.endpoint,
        "account": settings.account,
        "region": settings.region,
        "engine": settings.engine,
        "load_balancers": balancers,
        "groups": [_group(one) for one in autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"]],
        "instances": [
            _instance(one)
            for reservation in ec2.describe_instances()["Reservations"]
            for one in reservation["Instances"]
        ],
    }


def _url(name: str, listener: dict[str, Any]) -> str:
    scheme = listener["Protocol"].lower()
    port = "" if (scheme, listener["Port"]) in (("https", 443), ("http", 80)) else f":{listener['Port']}"
    return f"{scheme}://{name}{port}/"


def _targets(elbv2: Any, group: dict[str, Any]) -> dict[str, Any]:
    described = elbv2.describe_target_health(TargetGroupArn=group["TargetGroupArn"])["TargetHealthDescriptions"]
    health = {one["Target"]["Id"]: one["TargetHealth"] for one in described}
    return {
        "name": group["TargetGroupName"],
        "targets": {name: " ".join(filter(None, (one["State"], one.get("Reason")))) for name, one in health.items()},
    }


def _group(group: dict[str, Any]) -> dict[str, Any]:
    members = {one["InstanceId"]: f"{one['LifecycleState']} {one['HealthStatus']}" for one in group["Instances"]}
    sizes = {name: group[key] for name, key in (("min", "MinSize"), ("desired", "DesiredCapacity"), ("max", "MaxSize"))}
    return {"name": group["AutoScalingGroupName"], **sizes, "instances": members}


def _instance(instance: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": instance["InstanceId"],
        "state": instance["State"]["Name"],
        "type": instance["InstanceType"],
        "zone": instance["Placement"]["AvailabilityZone"],
        "address": instance.get("PrivateIpAddress", ""),
    }


def _text(report: dict[str, Any]) -> str:
    lines = [f"{report['endpoint']} (not AWS), account {report['account']}, {report['engine']}"]
    lines += ["", "Load balancers"]
    for balancer in report["load_balancers"]:
        lines.append(f"  {balancer['name']}  {'  '.join(balancer['urls']) or 'no listener'}")
        for group in balancer["target_groups"]:
            lines.append(f"    {group['name']}")
            lines += [f"      {name}  {health}" for name, health in group["targets"].items()]
    lines += ["", "Groups"]
    for group in report["groups"]:
        lines.append(f"  {group['name']}  {group['min']} <= {group['desired']} <= {group['max']}")
        lines += [f"    {name}  {text}" for name, text in group["instances"].items()]
    lines += ["", "Instances"]
    lines += ["  {id}  {state}  {type}  {zone}  {address}".format(**one) for one in report["instances"]]
    return "\n".join(lines)
