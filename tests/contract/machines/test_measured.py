"""What machines use and load balancers answer is in CloudWatch: what was really used, and every request that was sent.

Sources: "List the available CloudWatch metrics for your instances" (EC2), "CloudWatch metrics for your Application Load
Balancer", "Amazon CloudWatch metrics for Amazon EC2 Auto Scaling", "Supported CloudWatch metrics" (ACM).
"""

from __future__ import annotations

import base64
import ssl
import threading
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import httpx
import pytest

from tests.cloud import Cloud, running
from tests.contract.load_balancing.certificates import self_signed
from tests.waiting import eventually

SCALE = 20
CPUS = 0.25
"""Of each instance: both cores of a small host are there for everything else."""
GROUP = "measured"

APPLICATION = """
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import sys

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        _, what, *rest = self.path.split("/")
        if what == "burn":
            end = time.thread_time() + float(rest[0])
            while time.thread_time() < end:
                pass
        self.send_response(int(rest[0]) if what == "status" else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass

ThreadingHTTPServer((sys.argv[1], 8080), Handler).serve_forever()
"""

USER_DATA = f"""#!/bin/bash
set -eu
imds=$AWS_EC2_METADATA_SERVICE_ENDPOINT
token=$(curl -sf -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' $imds/latest/api/token)
address=$(curl -sf -H "X-aws-ec2-metadata-token: $token" $imds/latest/meta-data/local-ipv4)
code=$(echo {base64.b64encode(APPLICATION.encode()).decode()} | base64 -d)
docker run -d --name app --network host localhost/localcloud/python:bookworm python3 -c "$code" "$address"
"""


@dataclass
class Fleet:
    """A group of two instances behind a load balancer, and a client that sends them requests."""

    cloud: Cloud
    load_balancer: dict[str, Any]
    target_group: str
    certificate: str
    client: httpx.Client
    began: datetime

    @property
    def dimensions(self) -> dict[str, str]:
        return {"LoadBalancer": self.load_balancer["LoadBalancerArn"].partition(":loadbalancer/")[2]}

    @property
    def group_dimensions(self) -> dict[str, str]:
        return self.dimensions | {"TargetGroup": self.target_group.rpartition(":")[2]}

    def get(self, path: str, times: int = 1) -> None:
        for _ in range(times):
            self.client.get(path, extensions={"sni_hostname": self.load_balancer["DNSName"]})

    def statistics(self, namespace: str, name: str, statistic: str, **dimensions: str) -> list[float]:
        """One value per minute of AWS time in which there is one, in order."""
        given = {"ExtendedStatistics": [statistic]} if statistic.startswith("p") else {"Statistics": [statistic]}
        found = self.cloud.client("cloudwatch").get_metric_statistics(
            Namespace=namespace,
            MetricName=name,
            Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
            StartTime=self.began,
            EndTime=datetime.now(UTC) + timedelta(seconds=1),
            Period=60,
            **given,
        )
        points = sorted(found["Datapoints"], key=lambda point: point["Timestamp"])
        return [point.get(statistic, point.get("ExtendedStatistics", {}).get(statistic)) for point in points]

    def instances(self) -> dict[str, str]:
        """Id → address, of those in service."""
        groups = self.cloud.client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[GROUP])
        members = groups["AutoScalingGroups"][0]["Instances"]
        serving = [one["InstanceId"] for one in members if one["LifecycleState"] == "InService"]
        found = self.cloud.client("ec2").describe_instances(InstanceIds=serving)["Reservations"] if serving else []
        return {one["InstanceId"]: one["PrivateIpAddress"] for each in found for one in each["Instances"]}

    def healthy(self) -> int:
        found = self.cloud.client("elbv2").describe_target_health(TargetGroupArn=self.target_group)
        return [one["TargetHealth"]["State"] for one in found["TargetHealthDescriptions"]].count("healthy")


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    options = (f"--time-scale={SCALE}", f"--instance-cpus={CPUS}")
    with running(tmp_path_factory.mktemp("measured"), *options) as cloud:
        began = datetime.now(UTC)
        issued = self_signed()
        ec2, elb, acm = (cloud.client(service) for service in ("ec2", "elbv2", "acm"))
        arn = acm.import_certificate(Certificate=issued.certificate, PrivateKey=issued.key)["CertificateArn"]
        subnets = {one["AvailabilityZone"]: one["SubnetId"] for one in ec2.describe_subnets()["Subnets"]}
        chosen = [subnets[zone] for zone in sorted(subnets)][:2]
        balancer = elb.create_load_balancer(Name=GROUP, Subnets=chosen)["LoadBalancers"][0]
        target_group = elb.create_target_group(
            Name=GROUP, Protocol="HTTP", Port=8080, VpcId=balancer["VpcId"], HealthCheckPath="/",
            HealthCheckIntervalSeconds=10, HealthyThresholdCount=2,
        )["TargetGroups"][0]["TargetGroupArn"]  # fmt: skip
        elb.create_listener(
            LoadBalancerArn=balancer["LoadBalancerArn"], Port=443, Protocol="HTTPS",
            SslPolicy="ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09", Certificates=[{"CertificateArn": arn}],
            DefaultActions=[{"Type": "forward", "TargetGroupArn": target_group}],
        )  # fmt: skip
        launch(cloud, chosen, target_group)
        found = elb.describe_load_balancers(Names=[GROUP])["LoadBalancers"][0]
        context = ssl.create_default_context(cadata=issued.certificate.decode())
        with httpx.Client(
            verify=context, base_url=f"https://{found['DNSName']}", trust_env=False, timeout=30
        ) as client:
            fleet = Fleet(cloud, found, target_group, arn, client, began)
            eventually(lambda: fleet.healthy() == len(fleet.instances()) == 2)
            yield fleet


def launch(cloud: Cloud, subnets: list[str], target_group: str) -> None:
    """Two instances with detailed monitoring, and sizes that are collected."""
    ec2, autoscaling = cloud.client("ec2"), cloud.client("autoscaling")
    filters = [{"Name": "name", "Values": ["al2023-ami-2023.*"]}, {"Name": "state", "Values": ["available"]}]
    image = ec2.describe_images(Owners=["amazon"], Filters=filters)["Images"][0]
    data = {
        "ImageId": image["ImageId"],
        "InstanceType": "t3.micro" if image["Architecture"] == "x86_64" else "t4g.micro",
        "UserData": base64.b64encode(USER_DATA.encode()).decode(),
        "Monitoring": {"Enabled": True},
    }
    ec2.create_launch_template(LaunchTemplateName=GROUP, LaunchTemplateData=data)
    autoscaling.create_auto_scaling_group(
        AutoScalingGroupName=GROUP, MinSize=2, MaxSize=3, LaunchTemplate={"LaunchTemplateName": GROUP},
        VPCZoneIdentifier=",".join(subnets), TargetGroupARNs=[target_group], HealthCheckType="ELB",
        HealthCheckGracePeriod=600, DefaultInstanceWarmup=0,
    )  # fmt: skip
    autoscaling.enable_metrics_collection(AutoScalingGroupName=GROUP, Granularity="1Minute")


def burn(address: str, ended: threading.Event) -> None:
    while not ended.is_set():
        urllib.request.urlopen(f"http://{address}:8080/burn/0.2", timeout=30).close()


def test_a_busy_instance_shows_it_and_an_idle_one_does_not(fleet: Fleet) -> None:
    """With a quarter of a processor each: 100 % is what an instance can use, and not what the host has."""
    (busy, address), (idle, _) = fleet.instances().items()
    ended = threading.Event()
    threads = [threading.Thread(target=burn, args=(address, ended)) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        eventually(lambda: latest(fleet, "Average", InstanceId=busy) > 85)
        eventually(lambda: latest(fleet, "Average", InstanceId=idle) < 40)
        eventually(lambda: 40 < latest(fleet, "Average", AutoScalingGroupName=GROUP) < 75)
        assert latest(fleet, "SampleCount", AutoScalingGroupName=GROUP) == 2
        assert max(fleet.statistics("AWS/EC2", "CPUUtilization", "Maximum", InstanceId=busy)) <= 100
    finally:
        ended.set()
        for thread in threads:
            thread.join()
    eventually(lambda: latest(fleet, "Average", InstanceId=busy) < 40)


def latest(fleet: Fleet, statistic: str, **dimensions: str) -> float:
    found = fleet.statistics("AWS/EC2", "CPUUtilization", statistic, **dimensions)
    return found[-1] if found else -1.0


def test_every_request_is_counted_once(fleet: Fleet) -> None:
    before = sum(fleet.statistics("AWS/ApplicationELB", "RequestCount", "Sum", **fleet.dimensions))
    assert before == 0, "health checks are no requests"
    fleet.get("/", times=200)
    fleet.get("/status/404", times=3)
    fleet.get("/status/503", times=5)
    fleet.get("/burn/0.3")

    def total(name: str, **dimensions: str) -> float:
        return sum(fleet.statistics("AWS/ApplicationELB", name, "Sum", **dimensions))

    def counted(**dimensions: str) -> bool:
        count = total("RequestCount", **dimensions)
        assert count <= 209
        return count == 209

    for dimensions in (fleet.dimensions, fleet.group_dimensions):
        eventually(partial(counted, **dimensions))
        assert total("HTTPCode_Target_2XX_Count", **dimensions) == 201
        assert total("HTTPCode_Target_4XX_Count", **dimensions) == 3
        assert total("HTTPCode_Target_5XX_Count", **dimensions) == 5
        assert total("HTTPCode_ELB_5XX_Count", **dimensions) == 0
    times = {
        statistic: fleet.statistics("AWS/ApplicationELB", "TargetResponseTime", statistic, **fleet.group_dimensions)
        for statistic in ("p50", "Maximum", "SampleCount")
    }
    assert sum(times["SampleCount"]) == 209
    assert max(times["Maximum"]) >= 0.3
    assert min(times["p50"]) < 0.1


def test_hosts_sizes_and_validity_are_there(fleet: Fleet) -> None:
    for name, value in (("HealthyHostCount", 2), ("UnHealthyHostCount", 0)):
        found = fleet.statistics("AWS/ApplicationELB", name, "Maximum", **fleet.group_dimensions)
        assert found[-1] == value
    for name, value in (("GroupDesiredCapacity", 2), ("GroupMaxSize", 3), ("GroupInServiceInstances", 2)):
        assert fleet.statistics("AWS/AutoScaling", name, "Average", AutoScalingGroupName=GROUP)[-1] == value
    days = fleet.statistics("AWS/CertificateManager", "DaysToExpiry", "Minimum", CertificateArn=fleet.certificate)
    assert days == [28.0], "valid from yesterday, for 30 days"


def test_an_instance_that_is_gone_is_published_no_more(fleet: Fleet) -> None:
    before = set(fleet.instances())
    autoscaling = fleet.cloud.client("autoscaling")
    autoscaling.update_auto_scaling_group(AutoScalingGroupName=GROUP, MinSize=1, DesiredCapacity=1)
    eventually(lambda: len(fleet.instances()) == 1)
    (left,) = fleet.instances()
    (gone,) = before - {left}

    def told(instance_id: str) -> int:
        return len(fleet.statistics("AWS/EC2", "CPUUtilization", "Average", InstanceId=instance_id))

    state = fleet.cloud.client("ec2").describe_instances
    eventually(
        lambda: state(InstanceIds=[gone])["Reservations"][0]["Instances"][0]["State"]["Name"] == "terminated",
        seconds=120,
    )
    ended, others = told(gone), told(left)
    eventually(lambda: told(left) >= others + 3)
    assert told(gone) == ended
