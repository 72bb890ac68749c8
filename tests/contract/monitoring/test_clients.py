"""Whatever a client speaks, it is understood: the three protocols of CloudWatch, the AWS CLI, Ansible's modules."""

from __future__ import annotations

import gzip
import json
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import botocore.loaders
import botocore.session
import pytest
from botocore.exceptions import ClientError

from tests.cloud import ACCOUNT, REGION, TOOLS, clean_environment
from tests.contract.monitoring.account import MINUTE, TOPIC, Account

PROTOCOLS = ("smithy-rpc-v2-cbor", "json", "query")


@pytest.fixture(params=PROTOCOLS)
def connect(request: pytest.FixtureRequest, account: Account, tmp_path: Path) -> Callable[..., Any]:
    """botocore's own client, with a model that knows one protocol only."""
    session = botocore.session.Session()
    model = session.get_component("data_loader").load_service_model("cloudwatch", "service-2")
    model["metadata"] |= {"protocol": request.param, "protocols": [request.param]}
    place = tmp_path / "cloudwatch" / model["metadata"]["apiVersion"]
    place.mkdir(parents=True)
    (place / "service-2.json").write_text(json.dumps(model))
    session.register_component("data_loader", botocore.loaders.Loader(extra_search_paths=[str(tmp_path)]))

    def make(key: str = ACCOUNT, secret: str = "x") -> Any:
        client = session.create_client(
            "cloudwatch", REGION, endpoint_url=account.endpoint, aws_access_key_id=key, aws_secret_access_key=secret
        )
        assert client.meta.service_model.resolved_protocol == request.param
        return client

    return make


@pytest.fixture
def client(connect: Callable[..., Any]) -> Any:
    """Of the account's root user."""
    return connect()


def test_every_protocol_carries_everything(client: Any) -> None:
    name = client.meta.service_model.resolved_protocol
    at = time.time() // MINUTE * MINUTE - 5 * MINUTE
    client.put_metric_alarm(
        AlarmName=name,
        Namespace="clients",
        MetricName=name,
        Statistic="Sum",
        Dimensions=[{"Name": "a", "Value": "ü & <b>"}],
        Period=60,
        EvaluationPeriods=2,
        Threshold=0.5,
        ActionsEnabled=False,
        ComparisonOperator="GreaterThanThreshold",
    )
    [found] = client.describe_alarms(AlarmNames=[name])["MetricAlarms"]
    assert (found["Threshold"], found["ActionsEnabled"], found["OKActions"]) == (0.5, False, [])
    assert found["Dimensions"] == [{"Name": "a", "Value": "ü & <b>"}]
    assert abs(found["AlarmConfigurationUpdatedTimestamp"].timestamp() - time.time()) < 60
    client.put_metric_data(
        Namespace="clients", MetricData=[{"MetricName": name, "Timestamp": at, "Values": [1.5, 2.0], "Counts": [1, 2]}]
    )
    asked = {"Namespace": "clients", "MetricName": name, "StartTime": at, "EndTime": at + MINUTE, "Period": 60}
    [point] = client.get_metric_statistics(**asked, Statistics=["Sum"])["Datapoints"]
    assert (point["Sum"], point["Timestamp"].timestamp()) == (5.5, at)
    [point] = client.get_metric_statistics(**asked, ExtendedStatistics=["p100"])["Datapoints"]
    assert point["ExtendedStatistics"] == {"p100": 2.0}
    client.delete_alarms(AlarmNames=[name])
    assert client.describe_alarms(AlarmNames=[name])["MetricAlarms"] == []


def test_every_protocol_carries_errors(client: Any) -> None:
    with pytest.raises(ClientError) as refused:
        client.get_dashboard(DashboardName="nobody")
    assert refused.value.response["Error"]["Code"] == "ResourceNotFound"
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404
    with pytest.raises(ClientError, match="localcloud does not support cloudwatch:ListMetricStreams") as refused:
        client.list_metric_streams()
    assert refused.value.response["Error"]["Code"] == "InvalidAction"


def test_a_large_request_comes_compressed(client: Any) -> None:
    """SDKs do so from 10 KiB on ("requestCompression trait", Smithy documentation)."""
    sent: list[bytes] = []
    client.meta.events.register("before-send.*", lambda request, **_: sent.append(request.body))
    name = f"many-{client.meta.service_model.resolved_protocol}"
    data = [{"MetricName": name, "Dimensions": [{"Name": "n", "Value": str(n)}], "Value": n} for n in range(400)]
    client.put_metric_data(Namespace="clients", MetricData=data)
    assert gzip.decompress(sent[0])
    assert len(client.list_metrics(Namespace="clients", MetricName=name)["Metrics"]) == 400


@pytest.fixture
def user(account: Account, connect: Callable[..., Any]) -> Iterator[Any]:
    """Of a user who may do something with alarms and dashboards whose names begin with hello-, and see all alarms."""
    named = ["arn:aws:cloudwatch:*:*:alarm:hello-*", "arn:aws:cloudwatch::*:dashboard/hello-*"]
    statements = [
        {"Effect": "Allow", "Action": ["cloudwatch:*Alarm*", "cloudwatch:PutDashboard"], "Resource": named},
        {"Effect": "Allow", "Action": "cloudwatch:DescribeAlarms", "Resource": "arn:aws:cloudwatch:*:*:alarm:*"},
    ]
    iam = account.iam
    iam.create_user(UserName="operator")
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    iam.put_user_policy(UserName="operator", PolicyName="alarms", PolicyDocument=policy)
    key = iam.create_access_key(UserName="operator")["AccessKey"]
    yield connect(key["AccessKeyId"], key["SecretAccessKey"])
    iam.delete_access_key(UserName="operator", AccessKeyId=key["AccessKeyId"])
    iam.delete_user_policy(UserName="operator", PolicyName="alarms")
    iam.delete_user(UserName="operator")


def test_every_protocol_is_held_to_policies(account: Account, user: Any) -> None:
    """ "Actions, resources, and condition keys for Amazon CloudWatch" (Service Authorization Reference)."""
    body = json.dumps({"widgets": []})
    user.put_dashboard(DashboardName="hello-a", DashboardBody=body)
    user.delete_alarms(AlarmNames=["hello-a", "hello-b"])
    user.describe_alarms()
    user.describe_alarms(AlarmNames=["hello-a", "other"])
    refused: list[tuple[str, dict[str, Any]]] = [
        ("put_dashboard", {"DashboardName": "other", "DashboardBody": body}),
        ("delete_alarms", {"AlarmNames": ["other"]}),
        ("delete_alarms", {"AlarmNames": ["hello-a", "other"]}),
        ("describe_alarm_history", {}),
        ("list_metrics", {}),
    ]
    for operation, parameters in refused:
        with pytest.raises(ClientError, match="is not authorized to perform: cloudwatch:"):
            getattr(user, operation)(**parameters)
    account.cloudwatch.delete_dashboards(DashboardNames=["hello-a"])


# --- programs ---------------------------------------------------------------------------------------------


@pytest.fixture
def environment(account: Account) -> dict[str, str]:
    return clean_environment() | {
        "AWS_ENDPOINT_URL": account.endpoint,
        "AWS_ACCESS_KEY_ID": ACCOUNT,
        "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_DEFAULT_REGION": REGION,
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_CALLBACK_RESULT_FORMAT": "json",
    }


@pytest.fixture
def watched(account: Account) -> Iterator[str]:
    yield "watched"
    account.cloudwatch.delete_alarms(AlarmNames=["watched"])


def test_the_command_line(environment: dict[str, str], watched: str) -> None:
    def aws(*words: str) -> Any:
        command = [str(TOOLS / "aws"), "cloudwatch", *words, "--output", "json"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else None

    words = "--namespace clients --metric-name cli --statistic Average --period 60 --evaluation-periods 1 --threshold 1"
    actions = ("--comparison-operator", "GreaterThanThreshold", "--alarm-actions", TOPIC)
    aws("put-metric-alarm", "--alarm-name", watched, *words.split(), *actions)
    [found] = aws("describe-alarms", "--alarm-names", watched)["MetricAlarms"]
    assert (found["Threshold"], found["AlarmActions"]) == (1.0, [TOPIC])
    aws("put-metric-data", "--namespace", "clients", "--metric-name", "cli", "--value", "3")
    assert aws("list-metrics", "--namespace", "clients", "--metric-name", "cli")["Metrics"]


def test_ansibles_modules(environment: dict[str, str], watched: str) -> None:
    def ansible(module: str, **arguments: Any) -> dict[str, Any]:
        command = [str(TOOLS / "ansible"), "localhost", "-m", f"amazon.aws.{module}", "-a", json.dumps(arguments)]
        interpreter = ["-e", f"ansible_python_interpreter={TOOLS / 'python'}"]
        done = subprocess.run(
            [*command, *interpreter], env=environment, capture_output=True, text=True, check=False, timeout=120
        )
        assert done.returncode == 0, done.stdout + done.stderr
        result: dict[str, Any] = json.loads(done.stdout.partition("=>")[2])
        return result

    wanted = {
        "name": watched,
        "state": "present",
        "metric_name": "cpu",
        "namespace": "clients",
        "dimensions": {"group": "blue"},
        "statistic": "Average",
        "comparison": "GreaterThanOrEqualToThreshold",
        "threshold": 5.0,
        "period": 300,
        "evaluation_periods": 3,
        "unit": "Percent",
        "description": "Says what to do",
        "alarm_actions": [TOPIC],
        "treat_missing_data": "notBreaching",
    }
    assert ansible("cloudwatch_metric_alarm", **wanted)["changed"]
    assert not ansible("cloudwatch_metric_alarm", **wanted)["changed"]
    [found] = ansible("cloudwatch_metric_alarm_info", alarm_names=[watched])["metric_alarms"]
    assert (found["period"], found["dimensions"]) == (300, [{"name": "group", "value": "blue"}])
    assert ansible("cloudwatch_metric_alarm", **wanted | {"state": "absent"})["changed"]
