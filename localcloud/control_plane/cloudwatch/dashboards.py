"""Dashboards: kept and checked, drawn by nobody here. They belong to an account and not to a region, as on AWS.

What a body must look like: "Dashboard body structure and syntax" (CloudWatch API reference).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from localcloud.control_plane.cloudwatch.paging import page
from localcloud.control_plane.cloudwatch.store import Scope
from localcloud.wire import AwsError

Values = dict[str, Any]

WIDGETS = ("metric", "log", "text", "alarm", "explorer", "custom")
GRID = {"x": (0, 23), "y": (0, 10**6), "width": (1, 24), "height": (1, 1000)}


@dataclass
class Dashboard:
    """`modified` in Unix time."""

    name: str
    body: str
    modified: float
    tags: dict[str, str] = field(default_factory=dict)


class Dashboards:
    """By account and name. Whoever uses it holds `control_plane.lock.LOCK`."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._by_account: dict[str, dict[str, Dashboard]] = {}

    def all(self, account: str) -> list[Dashboard]:
        """In the order of their names."""
        return sorted(self._by_account.get(account, {}).values(), key=lambda dashboard: dashboard.name)

    def find(self, account: str, name: str) -> Dashboard | None:
        return self._by_account.get(account, {}).get(name)

    def put(self, account: str, name: str, body: str, tags: Mapping[str, str] | None = None) -> None:
        """One that exists keeps its tags. Raises `AwsError` for a body that AWS would not show."""
        errors = list(problems(body))
        if errors:
            raise AwsError("InvalidParameterInput", "The dashboard body is invalid: " + "; ".join(errors))
        present = self.find(account, name)
        kept = present.tags if present else dict(tags or {})
        self._by_account.setdefault(account, {})[name] = Dashboard(name, body, self._clock(), kept)

    def tag(self, account: str, name: str, tags: Mapping[str, str]) -> None:
        self._by_account[account][name].tags = dict(tags)

    def delete(self, account: str, name: str) -> None:
        self._by_account.get(account, {}).pop(name, None)


class DashboardOperations:
    """One method per operation, called under the lock with the caller's account."""

    NAMES = ("DeleteDashboards", "GetDashboard", "ListDashboards", "PutDashboard")

    def __init__(self, dashboards: Dashboards, scope: Callable[[], Scope]) -> None:
        self.dashboards = dashboards
        self._scope = scope

    def PutDashboard(self, values: Values) -> Values:
        tags = {tag["Key"]: tag["Value"] for tag in values.get("Tags") or ()}
        self.dashboards.put(self._account, values["DashboardName"], values["DashboardBody"], tags)
        return {"DashboardValidationMessages": []}

    def GetDashboard(self, values: Values) -> Values:
        dashboard = self._find(values["DashboardName"])
        return {
            "DashboardArn": dashboard_arn(self._account, dashboard.name),
            "DashboardBody": dashboard.body,
            "DashboardName": dashboard.name,
        }

    def ListDashboards(self, values: Values) -> Values:
        found = [
            {
                "DashboardName": dashboard.name,
                "DashboardArn": dashboard_arn(self._account, dashboard.name),
                "LastModified": dashboard.modified,
                "Size": len(dashboard.body.encode()),
            }
            for dashboard in self.dashboards.all(self._account)
            if dashboard.name.startswith(values.get("DashboardNamePrefix") or "")
        ]
        return page("DashboardEntries", found, values, 1000)

    def DeleteDashboards(self, values: Values) -> Values:
        for name in values["DashboardNames"]:
            self._find(name)
        for name in values["DashboardNames"]:
            self.dashboards.delete(self._account, name)
        return {}

    @property
    def _account(self) -> str:
        return self._scope()[0]

    def _find(self, name: str) -> Dashboard:
        dashboard = self.dashboards.find(self._account, name)
        if dashboard is None:
            raise AwsError("ResourceNotFound", f"Dashboard {name} does not exist", 404)
        return dashboard


def dashboard_arn(account: str, name: str) -> str:
    return f"arn:aws:cloudwatch::{account}:dashboard/{name}"


def problems(body: str) -> Iterator[str]:
    """What is wrong with a body, each with its place in it; nothing when all is well."""
    try:
        parsed = json.loads(body)
    except ValueError as error:
        yield f"The field DashboardBody must be a valid JSON object ({error})"
        return
    if not isinstance(parsed, dict) or not isinstance(parsed.get("widgets"), list):
        yield "/widgets: Should have required property 'widgets', an array"
        return
    for index, widget in enumerate(parsed["widgets"]):
        for problem in _of_widget(widget):
            yield f"/widgets/{index}{problem}"


def _of_widget(widget: Any) -> Iterator[str]:
    if not isinstance(widget, dict):
        yield ": Should be an object"
        return
    if widget.get("type") not in WIDGETS:
        yield f"/type: Should be one of {', '.join(WIDGETS)}"
        return
    for name, (least, most) in GRID.items():
        value = widget.get(name, least)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            yield f"/{name}: Should be a whole number from {least} to {most}"
    properties = widget.get("properties")
    if not isinstance(properties, dict):
        yield "/properties: Should be an object"
        return
    for name in _missing(widget["type"], properties):
        yield f"/properties: Should have required property '{name}'"


def _missing(kind: str, properties: Mapping[str, Any]) -> list[str]:
    required = {"metric": ["region"], "log": ["region", "query"], "text": ["markdown"], "alarm": ["alarms"]}
    missing = [name for name in required.get(kind, ()) if name not in properties]
    if kind == "metric" and not {"metrics", "annotations"} & properties.keys():
        missing.append("metrics")
    return missing
