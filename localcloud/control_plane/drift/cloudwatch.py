"""Alarms and dashboards, as CloudWatch has them now."""

from __future__ import annotations

from localcloud import ministack_seam as seam
from localcloud.control_plane.cloudwatch.engine import CloudWatch
from localcloud.control_plane.cloudwatch.stacks import ALARM, DASHBOARD
from localcloud.control_plane.drift.readers import Properties, register, tag_list


def install(cloudwatch: CloudWatch) -> None:
    def alarm(name: str, _: Properties) -> Properties | None:
        record = cloudwatch.alarms(seam.scope()).get(name)
        return None if record is None else {**record.configuration(), "Tags": tag_list(record.tags)}

    def dashboard(name: str, _: Properties) -> Properties | None:
        record = cloudwatch.dashboards.find(seam.scope()[0], name)
        if record is None:
            return None
        return {"DashboardName": name, "DashboardBody": record.body, "Tags": tag_list(record.tags)}

    register(ALARM, alarm)
    register(DASHBOARD, dashboard)
