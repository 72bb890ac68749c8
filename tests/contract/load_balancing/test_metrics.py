"""Metrics of load balancers: as many requests as were sent, in the words and dimensions of AWS.

Source: "CloudWatch metrics for your Application Load Balancer" in the user guide, and "Supported CloudWatch metrics" in
that of ACM.
"""

from __future__ import annotations

import http.client
import ssl
import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.contract.load_balancing.certificates import self_signed
from tests.contract.load_balancing.conftest import BLOCK, Account

THREADS, EACH = 4, 100
LATEST = 20.0
"""Seconds within which a minute, its lag and its publication are over: they take 6."""


class Handler(BaseHTTPRequestHandler):
    """Answers with the status that is asked for: /404."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        status = self.path.strip("/")
        self.send_response(int(status) if status.isdigit() else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        return


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_: Any) -> None:
        """A health check closes its connection when it knows enough."""


class Application:
    """On the address of i-1."""

    def __init__(self) -> None:
        self._server = Server((f"{BLOCK}.0.11", 8080), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def end(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def application() -> Iterator[Application]:
    running = Application()
    yield running
    running.end()


class Metrics:
    """Of one load balancer and its target group, since it was made."""

    def __init__(self, account: Account, balancer: str, group: str) -> None:
        self._api = account.client("cloudwatch")
        self._since = datetime.now(UTC)
        self.whole = {"LoadBalancer": balancer.partition(":loadbalancer/")[2]}
        self.group = self.whole | {"TargetGroup": group.rpartition(":")[2]}

    def values(self, namespace: str, name: str, statistic: str, dimensions: dict[str, str]) -> list[float]:
        """One per minute of AWS time in which there is one."""
        found = self._api.get_metric_statistics(
            Namespace=namespace,
            MetricName=name,
            Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
            StartTime=self._since - timedelta(seconds=5),
            EndTime=datetime.now(UTC) + timedelta(seconds=5),
            Period=60,
            Statistics=[statistic],
        )["Datapoints"]
        return [point[statistic] for point in sorted(found, key=lambda point: point["Timestamp"])]

    def total(self, name: str, dimensions: dict[str, str]) -> float:
        return sum(self.values("AWS/ApplicationELB", name, "Sum", dimensions))

    def reaches(self, name: str, dimensions: dict[str, str], wanted: float) -> None:
        """Raises AssertionError when it is more, or not so many in time."""
        end = time.monotonic() + LATEST
        while (found := self.total(name, dimensions)) != wanted:
            assert found < wanted, f"{name} is {found}, and {wanted} were sent"
            assert time.monotonic() < end, f"{name} is {found}, not {wanted}, after {LATEST} s"
            time.sleep(0.2)


def send(address: str, count: int, path: str = "/") -> Counter[int]:
    """That many requests on one connection, or on a new one where it was closed; the statuses."""
    connection = http.client.HTTPSConnection(address, timeout=20, context=ssl._create_unverified_context())
    statuses: Counter[int] = Counter()
    for _ in range(count):
        connection.request("GET", path)
        response = connection.getresponse()
        response.read()
        statuses[response.status] += 1
    connection.close()
    return statuses


def test_every_request_is_counted_once_and_by_who_answered_it(account: Account, application: Application) -> None:
    group, balancer = account.target_group("counted"), account.load_balancer("counted")
    metrics = Metrics(account, balancer, group)
    account.listener(balancer, account.certificate(), {group: 1})
    account.client("elbv2").register_targets(TargetGroupArn=group, Targets=[{"Id": "i-1"}])
    account.await_states(group, {"i-1": "healthy"})
    address = account.address(balancer)
    senders = [threading.Thread(target=partial(send, address, EACH)) for _ in range(THREADS)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    assert send(address, 7, "/404") == {404: 7}
    assert send(address, 9, "/503") == {503: 9}
    for dimensions in (metrics.whole, metrics.group):
        metrics.reaches("RequestCount", dimensions, THREADS * EACH + 16)
        metrics.reaches("HTTPCode_Target_2XX_Count", dimensions, THREADS * EACH)
        metrics.reaches("HTTPCode_Target_4XX_Count", dimensions, 7)
        metrics.reaches("HTTPCode_Target_5XX_Count", dimensions, 9)
        assert metrics.total("HTTPCode_ELB_5XX_Count", dimensions) == 0
        times = metrics.values("AWS/ApplicationELB", "TargetResponseTime", "SampleCount", dimensions)
        assert sum(times) == THREADS * EACH + 16
    assert metrics.values("AWS/ApplicationELB", "HealthyHostCount", "Maximum", metrics.group)[-1] == 1

    application.end()
    statuses = send(address, 5)
    assert set(statuses) == {502}, "a connection that is refused"
    metrics.reaches("HTTPCode_ELB_5XX_Count", metrics.whole, 5)
    metrics.reaches("HTTPCode_ELB_502_Count", metrics.whole, 5)
    metrics.reaches("TargetConnectionErrorCount", metrics.group, 5)
    assert metrics.total("HTTPCode_ELB_5XX_Count", metrics.group) == 0, "of no target group"
    assert metrics.total("RequestCount", metrics.whole) == THREADS * EACH + 21


def test_an_alarm_on_answers_fires_by_itself(account: Account, application: Application) -> None:
    group, balancer = account.target_group("alarmed"), account.load_balancer("alarmed")
    metrics, api = Metrics(account, balancer, group), account.client("cloudwatch")
    account.listener(balancer, account.certificate(), {group: 1})
    account.client("elbv2").register_targets(TargetGroupArn=group, Targets=[{"Id": "i-1"}])
    account.await_states(group, {"i-1": "healthy"})
    api.put_metric_alarm(
        AlarmName="answers", Namespace="AWS/ApplicationELB", MetricName="HTTPCode_Target_5XX_Count", Statistic="Sum",
        Dimensions=[{"Name": key, "Value": value} for key, value in metrics.group.items()], Period=60,
        EvaluationPeriods=1, Threshold=1, ComparisonOperator="GreaterThanOrEqualToThreshold",
        TreatMissingData="notBreaching",
    )  # fmt: skip
    account.later(lambda: api.delete_alarms(AlarmNames=["answers"]))

    def state() -> str:
        return str(api.describe_alarms(AlarmNames=["answers"])["MetricAlarms"][0]["StateValue"])

    def becomes(wanted: str) -> None:
        end = time.monotonic() + LATEST
        while state() != wanted:
            assert time.monotonic() < end, f"not {wanted} within {LATEST} s"
            time.sleep(0.1)

    becomes("OK")
    send(account.address(balancer), 3, "/500")
    becomes("ALARM")
    becomes("OK")


def test_days_to_expiry_are_there_at_once_and_again_after_a_renewal(account: Account) -> None:
    """ "ACM publishes metrics to CloudWatch twice a day"; here at once too, so that an alarm has something to go by."""
    arn = account.certificate(self_signed(days=30))
    metrics = Metrics(account, "", "")

    def becomes(days: float) -> None:
        end = time.monotonic() + LATEST
        while True:
            found = metrics.values("AWS/CertificateManager", "DaysToExpiry", "Maximum", {"CertificateArn": arn})
            if found and found[-1] == days:
                return
            assert time.monotonic() < end, f"{found}, not {days}"
            time.sleep(0.1)

    becomes(28)
    renewed = self_signed(days=90)
    account.client("acm").import_certificate(
        CertificateArn=arn, Certificate=renewed.certificate, PrivateKey=renewed.key
    )
    becomes(88)
