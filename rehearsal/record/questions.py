"""The questions a recorder asks of one environment's API, each answered in the terms of an observation."""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from rehearsal.errors import RehearsalError
from rehearsal.record.observation import Instance, Refresh, Sample, StackEvent

COLOURS = ("blue", "green")
# The user data hands the release to the application under this name.
_RELEASE = re.compile(r"APP_RELEASE='([^']+)'")
_DRIFT_SECONDS = 120
# A load balancer's metrics are there minutes after its requests, and alarms look once a minute.
_METRICS_LAG_SECONDS = 180
_EVALUATION_SECONDS = 60

ClientFor = Callable[[str], Any]
"""Service name → boto3 client: of a local cloud, or of AWS."""


class Environment:
    """One environment's stacks, groups and target groups, found by the names that the roles give them."""

    def __init__(self, client: ClientFor, app_name: str, env_name: str) -> None:
        self._prefix = f"{app_name}-{env_name}"
        self._autoscaling, self._elbv2 = client("autoscaling"), client("elbv2")
        self._cloudformation, self._cloudwatch = client("cloudformation"), client("cloudwatch")
        self._ec2 = client("ec2")
        self._client = client
        self._env_name = env_name
        self._outputs: Mapping[str, str] = {}

    @property
    def stacks(self) -> list[str]:
        return [f"{self._prefix}-load-balancer", *(f"{self._prefix}-fleet-{colour}" for colour in COLOURS)]

    def outputs(self, stack: str) -> dict[str, str]:
        """Of the stack with this name, the environment's prefix left out."""
        return {item["OutputKey"]: item["OutputValue"] for item in self._stack(stack).get("Outputs", [])}

    def parameters(self, stack: str) -> dict[str, str]:
        return {item["ParameterKey"]: item["ParameterValue"] for item in self._stack(stack).get("Parameters", [])}

    def _stack(self, name: str) -> Mapping[str, Any]:
        (found,) = self._cloudformation.describe_stacks(StackName=f"{self._prefix}-{name}")["Stacks"]
        return dict(found)

    def certificate(self) -> str:
        """The environment's certificate in PEM, found in ACM by its tag as any client may.

        :raises RehearsalError: there is none.
        """
        acm = self._client("acm")
        listed = acm.list_certificates(Includes={"keyTypes": ["EC_prime256v1", "RSA_2048"]})
        for summary in listed["CertificateSummaryList"]:
            arn = summary["CertificateArn"]
            tags = acm.list_tags_for_certificate(CertificateArn=arn)["Tags"]
            if {"Key": "env", "Value": self._env_name} in tags:
                return str(acm.get_certificate(CertificateArn=arn)["Certificate"])
        raise RehearsalError(f"ACM has no certificate with the tag env={self._env_name}.")

    def sample(self, at: float) -> Sample:
        """Ask everything once. Raises what boto3 raises."""
        # None of these moves while an environment lives.
        self._outputs = self._outputs or self.outputs("load-balancer")
        groups = self._groups()
        return Sample(
            at=at,
            instances=groups,
            targets=self._targets(),
            weights=self._weights(),
            refreshes=self._refreshes({instance.colour for instance in groups.values()}),
            alarms=self._alarms(),
        )

    def _groups(self) -> dict[str, Instance]:
        names = [f"{self._prefix}-{colour}" for colour in COLOURS]
        groups = self._autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=names)["AutoScalingGroups"]
        return {
            item["InstanceId"]: Instance(
                colour=group["AutoScalingGroupName"].rpartition("-")[2],
                state=item["LifecycleState"],
                health=item["HealthStatus"],
                version=item.get("LaunchTemplate", {}).get("Version", ""),
            )
            for group in groups
            for item in group["Instances"]
        }

    def _targets(self) -> dict[str, str]:
        return {
            item["Target"]["Id"]: item["TargetHealth"]["State"]
            for colour in COLOURS
            for item in self._elbv2.describe_target_health(
                TargetGroupArn=self._outputs[f"TargetGroupArn{colour.capitalize()}"]
            )["TargetHealthDescriptions"]
        }

    def _weights(self) -> dict[str, int]:
        (listener,) = self._elbv2.describe_listeners(ListenerArns=[self._outputs["ListenerArn"]])["Listeners"]
        shares = {
            item["TargetGroupArn"]: item.get("Weight", 1)
            for action in listener["DefaultActions"]
            for item in action.get("ForwardConfig", {}).get("TargetGroups", [])
        }
        return {colour: shares.get(self._outputs[f"TargetGroupArn{colour.capitalize()}"], 0) for colour in COLOURS}

    def _refreshes(self, colours: set[str]) -> list[Refresh]:
        """The newest of each group; older ones say nothing more."""
        found = []
        for colour in sorted(colours):
            answer = self._autoscaling.describe_instance_refreshes(
                AutoScalingGroupName=f"{self._prefix}-{colour}", MaxRecords=1
            )
            found += [
                Refresh(
                    colour,
                    item["InstanceRefreshId"],
                    item["Status"],
                    item.get("PercentageComplete", 0),
                    item.get("StatusReason", ""),
                )
                for item in answer["InstanceRefreshes"]
            ]
        return found

    def _alarms(self) -> dict[str, str]:
        # By prefix: those that target tracking makes for itself fire all day, and gate nothing.
        alarms = self._cloudwatch.describe_alarms(AlarmNamePrefix=f"{self._prefix}-")["MetricAlarms"]
        return {alarm["AlarmName"]: alarm["StateValue"] for alarm in alarms}

    def release_of(self, colour: str, version: str) -> str:
        """What instances of this version of the fleet's launch template are told to be; empty where it is not said."""
        template = self.outputs(f"fleet-{colour}")["LaunchTemplateId"]
        (found,) = self._ec2.describe_launch_template_versions(LaunchTemplateId=template, Versions=[version])[
            "LaunchTemplateVersions"
        ]
        user_data = base64.b64decode(found["LaunchTemplateData"].get("UserData", "")).decode("utf-8", "replace")
        match = _RELEASE.search(user_data)
        return match.group(1) if match else ""

    def draining_seconds(self) -> float:
        """How long a leaving target may finish its requests, in AWS time."""
        attributes = self._elbv2.describe_target_group_attributes(
            TargetGroupArn=self.outputs("load-balancer")["TargetGroupArnBlue"]
        )["Attributes"]
        (delay,) = (item["Value"] for item in attributes if item["Key"] == "deregistration_delay.timeout_seconds")
        return float(delay)

    def detection_seconds(self) -> float:
        """The longest that the load balancer sends requests to a dead target, in AWS time.

        `UnhealthyThresholdCount` failures, one each `HealthCheckIntervalSeconds`, the first of which may just have
        been missed, and the time-out of the last (elbv2, CreateTargetGroup).
        """
        (group,) = self._elbv2.describe_target_groups(
            TargetGroupArns=[self.outputs("load-balancer")["TargetGroupArnBlue"]]
        )["TargetGroups"]
        checks = group["UnhealthyThresholdCount"] + 1
        return float(group["HealthCheckIntervalSeconds"] * checks + group["HealthCheckTimeoutSeconds"])

    def alarm_seconds(self) -> float:
        """The longest that the environment's alarms may need to ring, in AWS time.

        All of their periods, one more because the first begins when it does, the lag of a load balancer's metrics, and
        a minute until the next evaluation.
        """
        alarms = self._cloudwatch.describe_alarms(AlarmNamePrefix=f"{self._prefix}-")["MetricAlarms"]
        windows = [
            (alarm["EvaluationPeriods"] + 1) * (alarm.get("Period") or alarm["Metrics"][-1]["MetricStat"]["Period"])
            for alarm in alarms
            if alarm["AlarmName"] in self._release_alarms()
        ]
        return float(max(windows, default=0) + _METRICS_LAG_SECONDS + _EVALUATION_SECONDS)

    def _release_alarms(self) -> list[str]:
        outputs = self.outputs("load-balancer")
        return [
            name for key, names in outputs.items() if key.startswith("ReleaseAlarmNames") for name in names.split(",")
        ]

    def drift(self) -> int:
        """How many resources of the environment's stacks differ from their templates.

        :raises RehearsalError: CloudFormation could not tell.
        """
        drifted = 0
        for stack in self.stacks:
            try:
                detection = self._cloudformation.detect_stack_drift(StackName=stack)["StackDriftDetectionId"]
            except self._cloudformation.exceptions.ClientError as error:
                # An environment has one fleet or two.
                if error.response["Error"]["Code"] != "ValidationError":
                    raise
                continue
            drifted += self._drifted(stack, detection)
        return drifted

    def _drifted(self, stack: str, detection: str) -> int:
        deadline = time.monotonic() + _DRIFT_SECONDS
        while time.monotonic() < deadline:
            answer = self._cloudformation.describe_stack_drift_detection_status(StackDriftDetectionId=detection)
            if answer["DetectionStatus"] == "DETECTION_COMPLETE":
                return int(answer["DriftedStackResourceCount"])
            if answer["DetectionStatus"] == "DETECTION_FAILED":
                raise RehearsalError(f"Drift of {stack}: {answer.get('DetectionStatusReason', 'no reason given')}")
            time.sleep(0.5)
        raise RehearsalError(f"Drift of {stack} was not told within {_DRIFT_SECONDS} s.")

    def events(self, since: float) -> Iterator[StackEvent]:
        """Every event of the environment's stacks from this moment on, each stack's newest first."""
        for stack in self.stacks:
            try:
                pages = self._cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack)
                for event in (event for page in pages for event in page["StackEvents"]):
                    at = event["Timestamp"].timestamp()
                    if at < since:
                        break
                    yield StackEvent(
                        at=at,
                        stack=stack,
                        resource=event["LogicalResourceId"],
                        kind=event["ResourceType"],
                        status=event["ResourceStatus"],
                        reason=event.get("ResourceStatusReason", ""),
                    )
            except self._cloudformation.exceptions.ClientError as error:
                # An environment has one fleet or two.
                if error.response["Error"]["Code"] != "ValidationError":
                    raise
