"""The API of CloudWatch. What is not in the table is refused by name: composite alarms, anomaly detection, streams …"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from localcloud.control_plane.cloudwatch.alarm_operations import AlarmOperations
from localcloud.control_plane.cloudwatch.alarms import alarm_arn, name_of
from localcloud.control_plane.cloudwatch.dashboards import DashboardOperations, dashboard_arn
from localcloud.control_plane.cloudwatch.engine import CloudWatch
from localcloud.control_plane.cloudwatch.metric_operations import MetricOperations
from localcloud.control_plane.cloudwatch.store import Scope
from localcloud.control_plane.lock import under_lock
from localcloud.wire import AwsError, Handler

Values = dict[str, Any]


class Operations:
    """All operations, each called under the lock with the caller's account and region."""

    def __init__(self, cloudwatch: CloudWatch, scope: Callable[[], Scope]) -> None:
        self.cloudwatch = cloudwatch
        self._scope = scope

    def table(self) -> Mapping[str, Handler]:
        owners = (
            AlarmOperations(self.cloudwatch, self._scope),
            MetricOperations(self.cloudwatch, self._scope),
            DashboardOperations(self.cloudwatch.dashboards, self._scope),
        )
        found = {name: under_lock(getattr(owner, name)) for owner in owners for name in owner.NAMES}
        tagging = (self.TagResource, self.UntagResource, self.ListTagsForResource)
        return found | {each.__name__: under_lock(each) for each in tagging}

    def TagResource(self, values: Values) -> Values:
        self._tags(values).update({tag["Key"]: tag["Value"] for tag in values["Tags"]})
        return {}

    def UntagResource(self, values: Values) -> Values:
        tags = self._tags(values)
        for key in values["TagKeys"]:
            tags.pop(key, None)
        return {}

    def ListTagsForResource(self, values: Values) -> Values:
        return {"Tags": [{"Key": key, "Value": value} for key, value in self._tags(values).items()]}

    def _tags(self, values: Values) -> dict[str, str]:
        """Of the alarm or dashboard with this ARN."""
        arn, scope = values["ResourceARN"], self._scope()
        alarm = self.cloudwatch.alarms(scope).get(name_of(arn))
        if alarm is not None and arn == alarm_arn(*scope, alarm.name):
            return alarm.tags
        dashboard = self.cloudwatch.dashboards.find(scope[0], arn.rpartition("/")[2])
        if dashboard is not None and arn == dashboard_arn(scope[0], dashboard.name):
            return dashboard.tags
        raise AwsError("ResourceNotFoundException", f"{arn} does not exist", 404)
