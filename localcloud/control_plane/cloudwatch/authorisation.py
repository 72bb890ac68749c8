"""What IAM is asked about a request: the action and the alarms or dashboards it names, whichever protocol it came by.

MiniStack finds no action in CBOR, so that such a request would be let through, and no names in lists. Source: "Actions,
resources, and condition keys for Amazon CloudWatch" (Service Authorization Reference).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from localcloud import ministack_seam as seam
from localcloud.control_plane.cloudwatch.alarms import alarm_arn
from localcloud.control_plane.cloudwatch.dashboards import dashboard_arn
from localcloud.rpc import RpcService
from localcloud.wire import AwsError

SERVICE = "monitoring"

ON_ALARMS = {
    "DeleteAlarms",
    "DescribeAlarmHistory",
    "DescribeAlarms",
    "DisableAlarmActions",
    "EnableAlarmActions",
    "PutMetricAlarm",
    "SetAlarmState",
}
ON_DASHBOARDS = {"DeleteDashboards", "GetDashboard", "PutDashboard"}
ON_TAGS = {"ListTagsForResource", "TagResource", "UntagResource"}


def install(api: RpcService) -> Callable[..., Any]:
    """Once per process. The service's handler: it asks about all resources but the first, which MiniStack has."""
    actions = seam.module("ministack.core.iam_actions")
    original_action, original_resource = actions.extract_iam_action, actions.extract_resource_arn

    def asked(path: str, headers: Any, body: bytes, query_params: Any) -> tuple[str | None, list[str]]:
        try:
            operation, values = api.read(path, headers, body, query_params)
        except AwsError:
            # It is refused for what it is, once the caller has turned out to be somebody.
            return None, ["*"]
        return f"cloudwatch:{operation}", resources(operation, values, *seam.scope())

    def action(service: str, method: str, path: str, *request: Any) -> Any:
        """`request` is headers, body and query parameters."""
        return asked(path, *request)[0] if service == SERVICE else original_action(service, method, path, *request)

    def resource(service: str, method: str, path: str, *request: Any) -> Any:
        """`request` also has region and account."""
        if service == SERVICE:
            return asked(path, *request[:3])[1][0]
        return original_resource(service, method, path, *request)

    async def handle(method: str, path: str, headers: Any, body: bytes, query_params: Any) -> Any:
        name, (_, *others) = asked(path, headers, body, query_params)
        for arn in others if name else ():
            denied = _denied(str(name), arn, headers, query_params)
            if denied is not None:
                return denied
        return await api.handle_request(method, path, headers, body, query_params)

    actions.extract_iam_action, actions.extract_resource_arn = action, resource
    return handle


def resources(operation: str, values: Mapping[str, Any], account: str, region: str) -> list[str]:
    """At least one. An operation that names no alarm is about all of them."""
    if operation in ON_TAGS:
        return [values.get("ResourceARN", "*")]
    if operation in ON_DASHBOARDS:
        dashboards = values.get("DashboardNames") or [values.get("DashboardName", "*")]
        return [dashboard_arn(account, name) for name in dashboards]
    if operation in ON_ALARMS:
        alarms = values.get("AlarmNames") or [values.get("AlarmName") or "*"]
        return [alarm_arn(account, region, name) for name in alarms]
    return ["*"]


def _denied(action: str, arn: str, headers: Any, query_params: Any) -> Any:
    """The response to a caller who may not; None for one who may."""
    key = seam.module("ministack.core.router").extract_access_key_id(headers, query_params)
    denied = seam.module("ministack.core.iam_evaluator").enforce(key, action, SERVICE, seam.scope()[1], arn)
    if denied is None:
        return None
    respond = seam.module("ministack.core.iam_actions").access_denied_response
    return respond(SERVICE, action, denied.principal_arn, "", headers=headers, resource_arn=arn)
