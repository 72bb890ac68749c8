"""AWS::CloudWatch::Alarm and AWS::CloudWatch::Dashboard, as the CloudFormation template reference has them.

An alarm that changes keeps its state: an update is PutMetricAlarm. Another name is another alarm or dashboard, made
before the old one goes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from localcloud import ministack_seam as seam
from localcloud.control_plane.cloudformation import schemas
from localcloud.control_plane.cloudformation.refused import told
from localcloud.control_plane.cloudformation.schemas import Node
from localcloud.control_plane.cloudformation.values import coerced, text
from localcloud.control_plane.cloudwatch.engine import CloudWatch
from localcloud.control_plane.ec2 import launch_templates
from localcloud.control_plane.lock import under_lock

ALARM = "AWS::CloudWatch::Alarm"
DASHBOARD = "AWS::CloudWatch::Dashboard"

Put = Callable[[str, seam.Attributes], seam.Attributes]
"""(name, properties) → attributes"""


def install(cloudwatch: CloudWatch) -> None:
    """Once per process."""
    types = _Types(cloudwatch)
    seam.replace_resource_type(ALARM, _handler(ALARM, "AlarmName", types.put_alarm, types.delete_alarm))
    seam.replace_resource_type(
        DASHBOARD, _handler(DASHBOARD, "DashboardName", types.put_dashboard, types.delete_dashboard)
    )


class _Types:
    def __init__(self, cloudwatch: CloudWatch) -> None:
        self._cloudwatch = cloudwatch

    def put_alarm(self, name: str, properties: seam.Attributes) -> seam.Attributes:
        scope, tags = seam.scope(), properties.pop("Tags", None) or []
        arn = self._cloudwatch.put(*scope, {**properties, "AlarmName": name})
        self._cloudwatch.alarms(scope)[name].tags = {tag["Key"]: tag["Value"] for tag in tags}
        return {"Arn": arn}

    def delete_alarm(self, name: str) -> None:
        self._cloudwatch.delete(*seam.scope(), [name])

    def put_dashboard(self, name: str, properties: seam.Attributes) -> seam.Attributes:
        account, dashboards = seam.scope()[0], self._cloudwatch.dashboards
        dashboards.put(account, name, text(properties.get("DashboardBody", "")))
        tags = properties.get("Tags") or []
        dashboards.tag(account, name, {tag["Key"]: tag["Value"] for tag in tags})
        return {}

    def delete_dashboard(self, name: str) -> None:
        self._cloudwatch.dashboards.delete(seam.scope()[0], name)


def _handler(kind: str, name_property: str, put: Put, delete: Callable[[str], None]) -> seam.ResourceHandler:
    def create(logical_id: str, properties: seam.Attributes, stack_name: str) -> tuple[str, seam.Attributes]:
        name = properties.get(name_property) or seam.generated_name(stack_name, logical_id, 255)
        return name, told("CloudWatch", lambda: put(name, _typed(kind, name_property, properties)))

    def update(
        physical_id: str, old: seam.Attributes, new: seam.Attributes, stack_name: str, logical_id: str
    ) -> tuple[str, seam.Attributes]:
        if old.get(name_property) != new.get(name_property):
            made = create(logical_id, new, stack_name)
            seam.delete_replaced(gone, physical_id, old)
            return made
        return physical_id, told("CloudWatch", lambda: put(physical_id, _typed(kind, name_property, new)))

    @under_lock
    def gone(physical_id: str, _: seam.Attributes) -> None:
        delete(physical_id)

    return seam.ResourceHandler(under_lock(create), under_lock(update), gone)


def _typed(kind: str, name_property: str, properties: seam.Attributes) -> seam.Attributes:
    """Without the name, and in the types that the schema says: a parameter's value is text in a template."""
    schema = schemas.of_type(kind, seam.scope()[1])
    clean = launch_templates.clean(properties)
    return {name: item for name, item in _in_types(clean, schema).items() if name != name_property}


def _in_types(value: Any, node: Node | None) -> Any:
    if isinstance(value, Mapping):
        return {name: _in_types(item, node.member(name) if node else None) for name, item in value.items()}
    if isinstance(value, list):
        return [_in_types(item, node.item() if node else None) for item in value]
    return coerced(value, node)
