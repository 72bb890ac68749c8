"""What the machines behind a stack say: progress of an instance refresh, consoles of those that failed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from .context import Context
from .errors import error_message
from .explain import Console, Consoles, Explanation, explain
from .watch import Event, Outcome, Progress

GROUP = "AWS::AutoScaling::AutoScalingGroup"
INSTANCE = "AWS::EC2::Instance"
# More consoles than this repeat each other.
MOST_CONSOLES = 2

_INSTANCE_ID = re.compile(r"\bi-[0-9a-f]{8,17}\b")

ClientFor = Callable[[str], Any]


def refresh_progress(client_for: ClientFor) -> Progress:
    """A hook for `watch`: `Group: instance refresh InProgress, 1 of 2 instances new and healthy, 50 %`.

    Asks only while a group of the stack is being updated, and never fails the watch.
    """
    gave_up = False

    def figure(events: list[Event]) -> str | None:
        nonlocal gave_up
        group = _group_in_progress(events)
        if gave_up or group is None:
            return None
        try:
            answer = client_for("autoscaling").describe_instance_refreshes(
                AutoScalingGroupName=group.physical_id, MaxRecords=1
            )
            for refresh in answer.get("InstanceRefreshes") or []:
                if refresh.get("StartTime") is not None and refresh["StartTime"] < group.moment:
                    return None
                return _figure(group.logical_id, refresh, _renewed(client_for, group.physical_id, refresh))
        except Exception:  # a figure is a courtesy: without the right to read it the wait goes on
            gave_up = True
        return None

    return figure


def explained(ctx: Context, outcome: Outcome) -> Explanation:
    """Why an operation failed, with the consoles of the instances behind it."""
    client_for = ctx.other_client
    return explain(outcome.events, consoles(client_for, ctx.options.console_lines) if client_for else None)


def consoles(client_for: ClientFor, lines: int) -> Consoles:
    """A callable for `explain`: the last `lines` lines of the consoles of the instances behind a failure."""

    def read(event: Event) -> list[Console]:
        found = dict.fromkeys(_INSTANCE_ID.findall(event.reason))
        if event.type == INSTANCE and event.physical_id:
            found[event.physical_id] = None
        if event.type == GROUP and event.physical_id:
            found.update(dict.fromkeys(_failed_launches(client_for, event.physical_id)))
        return [_console(client_for, instance_id, lines) for instance_id in list(found)[:MOST_CONSOLES]]

    return read if lines > 0 else lambda event: []


def _group_in_progress(events: Iterable[Event]) -> Event | None:
    latest: dict[str, Event] = {}
    for event in events:
        if event.type == GROUP and event.physical_id:
            latest[event.logical_id] = event
    return next((event for event in latest.values() if event.status == "UPDATE_IN_PROGRESS"), None)


def _renewed(client_for: ClientFor, name: str, refresh: dict[str, Any]) -> str:
    """`1 of 2 instances new and healthy`: launched from what the refresh leads to, and healthy targets."""
    (group,) = client_for("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"]
    wanted = (refresh.get("DesiredConfiguration") or group).get("LaunchTemplate", {}).get("Version")
    new = {
        item["InstanceId"]
        for item in group["Instances"]
        if item.get("LaunchTemplate", {}).get("Version") == wanted
        and (item["LifecycleState"], item["HealthStatus"]) == ("InService", "Healthy")
    }
    for arn in group.get("TargetGroupARNs") or []:
        targets = client_for("elbv2").describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
        # Those of a target group that no listener forwards to are never checked.
        new &= {item["Target"]["Id"] for item in targets if item["TargetHealth"]["State"] in ("healthy", "unused")}
    return f"{len(new)} of {group['DesiredCapacity']} instances new and healthy"


def _figure(logical_id: str, refresh: dict[str, Any], renewed: str) -> str:
    parts = [f"{logical_id}: instance refresh {refresh.get('Status', '')}", renewed]
    if refresh.get("PercentageComplete") is not None:
        parts.append(f"{refresh['PercentageComplete']} %")
    if refresh.get("StatusReason"):
        parts.append(str(refresh["StatusReason"]))
    return ", ".join(parts)


def _failed_launches(client_for: ClientFor, group: str) -> list[str]:
    """Instances of the group's latest activities, those that failed or were abandoned first."""
    try:
        activities = (
            client_for("autoscaling")
            .describe_scaling_activities(AutoScalingGroupName=group, IncludeDeletedGroups=True, MaxRecords=20)
            .get("Activities")
            or []
        )
    except Exception:  # the reason of the event is still shown
        return []
    bad = [item for item in activities if item.get("StatusCode") in ("Failed", "Cancelled")]
    rest = [item for item in activities if item not in bad]
    text = " ".join(f"{item.get('Description', '')} {item.get('StatusMessage', '')}" for item in bad + rest)
    return _INSTANCE_ID.findall(text)


def _console(client_for: ClientFor, instance_id: str, lines: int) -> Console:
    try:
        output = str(client_for("ec2").get_console_output(InstanceId=instance_id).get("Output") or "")
    except Exception as error:  # said in place of the console
        return Console(instance_id, (f"not readable: {error_message(error)}",))
    if not output.strip():
        return Console(instance_id, ("empty (EC2 shows it minutes after the boot)",))
    return Console(instance_id, tuple(output.splitlines()[-lines:]))
