"""The recorder: the API's answers in an observation's terms, and gaps where there was no answer."""

from __future__ import annotations

import base64
import datetime
import time
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from botocore.stub import ANY, Stubber

from rehearsal.cloud import free_place
from rehearsal.errors import RehearsalError
from rehearsal.record.observation import Instance, Note, Refresh, Sample, StackEvent
from rehearsal.record.questions import Environment
from rehearsal.record.recorder import Recorder

ARNS = {
    colour: f"arn:aws:elasticloadbalancing:us-east-1:111111111111:targetgroup/{colour}/1"
    for colour in ("Blue", "Green")
}
LISTENER = "arn:aws:elasticloadbalancing:us-east-1:111111111111:listener/app/x/1/2"
STACK = {"StackName": "x", "CreationTime": datetime.datetime.now(datetime.UTC), "StackStatus": "UPDATE_COMPLETE"}


class Api:
    """boto3 clients whose answers are checked against the service's own model."""

    def __init__(self) -> None:
        keys = {"aws_access_key_id": "1", "aws_secret_access_key": "1", "region_name": "us-east-1"}
        names = ("autoscaling", "elbv2", "cloudformation", "cloudwatch", "ec2")
        self.clients = {name: boto3.client(name, **keys) for name in names}
        self.stubs = {name: Stubber(client) for name, client in self.clients.items()}
        for stub in self.stubs.values():
            stub.activate()

    def answer(self, service: str, operation: str, answer: dict[str, Any], expected: dict[str, Any]) -> None:
        self.stubs[service].add_response(operation, answer, expected)

    def done(self) -> None:
        for stub in self.stubs.values():
            stub.assert_no_pending_responses()


@pytest.fixture
def api() -> Api:
    return Api()


@pytest.fixture
def environment(api: Api) -> Environment:
    return Environment(api.clients.__getitem__, "hello", "production")


def outputs(api: Api, stack: str, values: dict[str, str]) -> None:
    listed = [{"OutputKey": key, "OutputValue": value} for key, value in values.items()]
    api.answer("cloudformation", "describe_stacks", {"Stacks": [{**STACK, "Outputs": listed}]}, {"StackName": stack})


def everything(api: Api) -> None:
    outputs(
        api,
        "hello-production-load-balancer",
        {"TargetGroupArnBlue": ARNS["Blue"], "TargetGroupArnGreen": ARNS["Green"], "ListenerArn": LISTENER},
    )
    instance = {"AvailabilityZone": "a", "ProtectedFromScaleIn": False, "HealthStatus": "Healthy"}
    group = {
        "AutoScalingGroupName": "hello-production-green",
        "MinSize": 1,
        "MaxSize": 2,
        "DesiredCapacity": 1,
        "DefaultCooldown": 1,
        "AvailabilityZones": [],
        "HealthCheckType": "ELB",
        "CreatedTime": datetime.datetime.now(datetime.UTC),
        "Instances": [
            {**instance, "InstanceId": "i-1", "LifecycleState": "InService", "LaunchTemplate": {"Version": "7"}},
            {**instance, "InstanceId": "i-2", "LifecycleState": "Pending:Wait"},
        ],
    }
    names = {"AutoScalingGroupNames": ["hello-production-blue", "hello-production-green"]}
    api.answer("autoscaling", "describe_auto_scaling_groups", {"AutoScalingGroups": [group]}, names)
    for colour, targets in (
        ("Blue", []),
        ("Green", [{"Target": {"Id": "i-1"}, "TargetHealth": {"State": "draining"}}]),
    ):
        health = {"TargetHealthDescriptions": targets}
        api.answer("elbv2", "describe_target_health", health, {"TargetGroupArn": ARNS[colour]})
    forward = {
        "TargetGroups": [
            {"TargetGroupArn": ARNS["Blue"], "Weight": 90},
            {"TargetGroupArn": ARNS["Green"], "Weight": 10},
        ]
    }
    listener = {"ListenerArn": LISTENER, "DefaultActions": [{"Type": "forward", "ForwardConfig": forward}]}
    api.answer("elbv2", "describe_listeners", {"Listeners": [listener]}, {"ListenerArns": [LISTENER]})
    refresh = {"InstanceRefreshId": "r-1", "Status": "InProgress", "PercentageComplete": 33, "StatusReason": "Waiting"}
    wanted = {"AutoScalingGroupName": "hello-production-green", "MaxRecords": 1}
    api.answer("autoscaling", "describe_instance_refreshes", {"InstanceRefreshes": [refresh]}, wanted)
    alarm = {"AlarmName": "hello-production-green-errors", "StateValue": "ALARM"}
    api.answer("cloudwatch", "describe_alarms", {"MetricAlarms": [alarm]}, {"AlarmNamePrefix": "hello-production-"})


def test_a_sample_holds_what_the_api_says(api: Api, environment: Environment) -> None:
    everything(api)
    assert environment.sample(12.5) == Sample(
        at=12.5,
        instances={
            "i-1": Instance("green", "InService", "Healthy", "7"),
            "i-2": Instance("green", "Pending:Wait", "Healthy", ""),
        },
        targets={"i-1": "draining"},
        weights={"blue": 90, "green": 10},
        refreshes=[Refresh("green", "r-1", "InProgress", 33, "Waiting")],
        alarms={"hello-production-green-errors": "ALARM"},
    )
    api.done()


@pytest.mark.parametrize(("script", "release"), [("-e APP_RELEASE='abc123' \\", "abc123"), ("something else", "")])
def test_a_versions_release_is_what_its_machines_are_told(
    api: Api, environment: Environment, script: str, release: str
) -> None:
    outputs(api, "hello-production-fleet-blue", {"LaunchTemplateId": "lt-1"})
    data = {"UserData": base64.b64encode(script.encode()).decode()}
    api.answer(
        "ec2",
        "describe_launch_template_versions",
        {"LaunchTemplateVersions": [{"LaunchTemplateData": data}]},
        {"LaunchTemplateId": "lt-1", "Versions": ["7"]},
    )
    assert environment.release_of("blue", "7") == release


def test_the_longest_that_a_dead_target_is_sent_requests(api: Api, environment: Environment) -> None:
    outputs(api, "hello-production-load-balancer", {"TargetGroupArnBlue": ARNS["Blue"]})
    group = {"HealthCheckIntervalSeconds": 10, "HealthCheckTimeoutSeconds": 5, "UnhealthyThresholdCount": 2}
    api.answer("elbv2", "describe_target_groups", {"TargetGroups": [group]}, {"TargetGroupArns": [ARNS["Blue"]]})
    assert environment.detection_seconds() == 35


def test_events_are_those_since_a_moment_of_the_stacks_there_are(api: Api, environment: Environment) -> None:
    def event(at: float, status: str) -> dict[str, Any]:
        return {
            "StackId": "s",
            "EventId": str(at),
            "StackName": "s",
            "Timestamp": datetime.datetime.fromtimestamp(at, datetime.UTC),
            "LogicalResourceId": "Group",
            "ResourceType": "T",
            "ResourceStatus": status,
        }

    newest_first = [event(1002, "UPDATE_COMPLETE"), event(1001, "UPDATE_IN_PROGRESS"), event(999, "CREATE_COMPLETE")]
    stub = api.stubs["cloudformation"]
    stub.add_response("describe_stack_events", {"StackEvents": []}, {"StackName": "hello-production-load-balancer"})
    stub.add_response(
        "describe_stack_events", {"StackEvents": newest_first}, {"StackName": "hello-production-fleet-blue"}
    )
    stub.add_client_error("describe_stack_events", "ValidationError", "Stack does not exist")
    found = list(environment.events(1000))
    assert [(item.at, item.status) for item in found] == [(1002, "UPDATE_COMPLETE"), (1001, "UPDATE_IN_PROGRESS")]
    api.done()


def drift(api: Api, status: str, drifted: int) -> None:
    stub = api.stubs["cloudformation"]
    stub.add_response("detect_stack_drift", {"StackDriftDetectionId": "d"}, {"StackName": ANY})
    answer = {
        "StackId": "s",
        "StackDriftDetectionId": "d",
        "DetectionStatus": status,
        "DriftedStackResourceCount": drifted,
        "Timestamp": datetime.datetime.now(datetime.UTC),
    }
    stub.add_response("describe_stack_drift_detection_status", answer, {"StackDriftDetectionId": "d"})


def test_drift_is_summed_over_the_stacks_there_are(api: Api, environment: Environment) -> None:
    drift(api, "DETECTION_COMPLETE", 1)
    drift(api, "DETECTION_COMPLETE", 2)
    api.stubs["cloudformation"].add_client_error("detect_stack_drift", "ValidationError", "Stack does not exist")
    assert environment.drift() == 3


def test_drift_that_cannot_be_told_is_no_zero(api: Api, environment: Environment) -> None:
    drift(api, "DETECTION_FAILED", 0)
    with pytest.raises(RehearsalError, match="hello-production-load-balancer"):
        environment.drift()


class Scripted(Environment):
    """An environment whose answers are a script."""

    def __init__(self, answers: Iterator[Callable[[], Sample]]) -> None:
        self._answers = answers
        self.asked: list[str] = []

    def sample(self, at: float) -> Sample:
        return next(self._answers)()

    def release_of(self, colour: str, version: str) -> str:
        self.asked.append(f"{colour}/{version}")
        return "r1"

    def events(self, since: float) -> Iterator[StackEvent]:
        """Newest first, as CloudFormation has them."""
        for status in ("UPDATE_ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS"):
            yield StackEvent(12.0, "s", "s", "AWS::CloudFormation::Stack", status)


def test_what_has_no_answer_is_a_gap_and_the_recording_goes_on() -> None:
    good = Sample(at=1.0, instances={"i-1": Instance("blue", "InService", "Healthy", "3")})

    def fail() -> Sample:
        raise EndpointConnectionError(endpoint_url="http://127.0.0.1:9")

    def answers() -> Iterator[Callable[[], Sample]]:
        yield fail
        while True:
            yield lambda: good

    scripted = Scripted(answers())
    with Recorder(scripted) as recorder:
        deadline = time.monotonic() + 10
        while recorder.newest is None and time.monotonic() < deadline:
            time.sleep(0.05)
        recorder.note(2.0, "the controller was killed")
    found = recorder.observations()
    assert len(found.samples) >= 2, "One in time, and one at the end."
    assert found.events[-1].status == "UPDATE_ROLLBACK_COMPLETE", "Of one moment, the newest comes last."
    assert found.releases == {"blue/3": "r1"}
    assert scripted.asked == ["blue/3"], "A version is asked about once."
    assert found.notes == [Note(2.0, "the controller was killed")]
    assert len(found.gaps) == 1
    assert "EndpointConnectionError" in found.gaps[0]


def test_two_rehearsals_that_start_together_get_different_places() -> None:
    one, two = free_place(), free_place()
    try:
        assert one.port != two.port
        assert one.address_block != two.address_block
    finally:
        one.claim.close()
        two.claim.close()
