"""EC2, ELB and CloudWatch in memory: what a group asks for happens when the test says so."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from localcloud.desired import AlarmAction, AlarmState, InstanceState, LaunchRefused, TargetHealth, TargetState

ZONES = {"subnet-a": "us-east-1a", "subnet-b": "us-east-1b", "subnet-c": "us-east-1c"}


class FakeInstances:
    """Records instances; `template_versions` are the launch template's, the last one is $Latest."""

    def __init__(self) -> None:
        self.states: dict[str, InstanceState] = {}
        self.tags: dict[str, Mapping[str, str]] = {}
        self.launched_from: dict[str, Mapping[str, Any]] = {}
        self.template_versions: list[dict[str, Any]] = [{"ImageId": "ami-1", "InstanceType": "t3.micro"}]
        self.refuse = ""

    def launch_instance(
        self,
        launch_template_data: Mapping[str, Any],
        subnet_id: str,
        tags: Mapping[str, str],
        account: str,
        region: str,
    ) -> str:
        if self.refuse:
            raise LaunchRefused(self.refuse)
        instance_id = f"i-{len(self.states) + 1:017x}"
        self.states[instance_id] = "pending"
        self.tags[instance_id] = tags
        self.launched_from[instance_id] = launch_template_data
        return instance_id

    def terminate_instance(self, instance_id: str) -> None:
        if self.instance_state(instance_id) != "terminated":
            self.states[instance_id] = "shutting-down"

    def instance_state(self, instance_id: str) -> InstanceState:
        return self.states.get(instance_id, "terminated")

    def subnet_zone(self, subnet_id: str, account: str, region: str) -> str | None:
        return ZONES.get(subnet_id)

    def launch_template(
        self, template_id: str | None, name: str | None, version: str, account: str, region: str
    ) -> tuple[str, str, int, Mapping[str, Any]] | None:
        if template_id not in (None, "lt-1") or name not in (None, "machines"):
            return None
        number = {"$Default": 1, "$Latest": len(self.template_versions)}.get(version) or int(version)
        if not 1 <= number <= len(self.template_versions):
            return None
        return "lt-1", "machines", number, self.template_versions[number - 1]

    # What machines do by themselves.

    def settle(self) -> None:
        """Pending instances run, those shutting down are gone."""
        for instance_id, state in self.states.items():
            if state == "pending":
                self.states[instance_id] = "running"
            elif state == "shutting-down":
                self.states[instance_id] = "terminated"

    def kill(self, instance_id: str) -> None:
        self.states[instance_id] = "terminated"


class FakeTargets:
    """Keeps a deregistered target until `drained`."""

    def __init__(self, *target_groups: str) -> None:
        self.groups: dict[str, dict[str, TargetHealth]] = {arn: {} for arn in target_groups}

    def target_group_exists(self, target_group_arn: str) -> bool:
        return target_group_arn in self.groups

    def register_target(self, target_group_arn: str, instance_id: str) -> None:
        self.groups[target_group_arn][instance_id] = TargetHealth("initial")

    def deregister_target(self, target_group_arn: str, instance_id: str) -> None:
        if instance_id in self.groups[target_group_arn]:
            self.report(target_group_arn, instance_id, "draining")

    def target_state(self, target_group_arn: str, instance_id: str) -> TargetHealth | None:
        return self.groups[target_group_arn].get(instance_id)

    # What a load balancer does by itself.

    def report(self, target_group_arn: str, instance_id: str, state: TargetState) -> None:
        self.groups[target_group_arn][instance_id] = TargetHealth(state)

    def settle(self) -> None:
        """New targets are healthy, draining ones are gone."""
        for targets in self.groups.values():
            for instance_id, health in list(targets.items()):
                if health.state == "draining":
                    del targets[instance_id]
                elif health.state == "initial":
                    targets[instance_id] = TargetHealth("healthy")


class FakeAlarms:
    """CloudWatch: in the states that the test sets, or evaluated over one metric, minute by minute."""

    def __init__(self, **states: AlarmState) -> None:
        self.states: dict[str, AlarmState] = dict(states)
        self.made: dict[str, Mapping[str, Any]] = {}
        self.sentences: list[str] = []
        """What the actions said of themselves."""
        self._where = ("", "")
        self._values: list[float | None] = []
        self._act: Callable[[AlarmAction], str] = lambda action: "nobody acts"

    def state(self, account: str, region: str, alarm: str) -> AlarmState | None:
        return self.states.get(alarm.rpartition(":")[2])

    def put(self, account: str, region: str, alarm: Mapping[str, Any]) -> str:
        name = str(alarm["AlarmName"])
        self._where = (account, region)
        self.made[name] = alarm
        self.states.setdefault(name, "INSUFFICIENT_DATA")
        return f"arn:aws:cloudwatch:{region}:{account}:alarm:{name}"

    def delete(self, account: str, region: str, names: Sequence[str]) -> None:
        for name in names:
            self.made.pop(name, None)
            self.states.pop(name, None)

    def on_action(self, service: str, act: Callable[[AlarmAction], str]) -> None:
        assert service == "autoscaling"
        self._act = act

    # What CloudWatch does by itself.

    def minute(self, value: float | None, now: float) -> None:
        """One more data point, or none; an alarm in ALARM calls its policy at every one."""
        self._values.append(value)
        for name, alarm in list(self.made.items()):
            periods = int(alarm["EvaluationPeriods"])
            newest = self._values[-periods:]
            if len(newest) == periods and all(self._breaches(alarm, one) for one in newest):
                self.call(name, value, now)
            else:
                self.states[name] = "INSUFFICIENT_DATA" if value is None else "OK"

    @staticmethod
    def _breaches(alarm: Mapping[str, Any], value: float | None) -> bool:
        if value is None:
            return False
        threshold = float(alarm["Threshold"])
        return value > threshold if alarm["ComparisonOperator"] == "GreaterThanThreshold" else value < threshold

    def call(self, name: str, value: float | None, now: float) -> None:
        """The alarm goes into ALARM, or stays in it."""
        old = self.states[name]
        self.states[name] = "ALARM"
        alarm = self.made[name]
        for arn in alarm["AlarmActions"]:
            action = AlarmAction(arn, *self._where, {**alarm, "StateValue": "ALARM"}, old, now, old == "ALARM", value)
            if sentence := self._act(action):
                self.sentences.append(sentence)
