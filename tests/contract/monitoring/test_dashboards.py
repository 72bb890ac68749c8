"""Dashboards. Sources: PutDashboard, "Dashboard body structure and syntax" (API reference)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.contract.monitoring.account import Account

BODY = json.dumps(
    {
        "widgets": [
            {"type": "text", "width": 24, "height": 1, "properties": {"markdown": "# hello"}},
            {"type": "metric", "properties": {"region": "us-east-1", "metrics": [["AWS/EC2", "CPUUtilization"]]}},
            {"type": "alarm", "properties": {"alarms": ["arn:aws:cloudwatch:us-east-1:000000000000:alarm:a"]}},
        ]
    }
)


def test_a_dashboard_is_kept_as_it_was_put(account: Account) -> None:
    api = account.cloudwatch
    put = api.put_dashboard(DashboardName="hello", DashboardBody=BODY, Tags=[{"Key": "env", "Value": "test"}])
    assert put["DashboardValidationMessages"] == []
    found = api.get_dashboard(DashboardName="hello")
    assert (found["DashboardName"], found["DashboardBody"]) == ("hello", BODY)
    assert found["DashboardArn"] == "arn:aws:cloudwatch::000000000000:dashboard/hello"
    assert api.list_tags_for_resource(ResourceARN=found["DashboardArn"])["Tags"] == [{"Key": "env", "Value": "test"}]
    [entry] = api.list_dashboards(DashboardNamePrefix="he")["DashboardEntries"]
    assert (entry["DashboardName"], entry["Size"]) == ("hello", len(BODY))
    assert api.list_dashboards(DashboardNamePrefix="other")["DashboardEntries"] == []
    with pytest.raises(api.exceptions.ResourceNotFound):
        api.delete_dashboards(DashboardNames=["hello", "nobody"])
    assert api.get_dashboard(DashboardName="hello")
    api.delete_dashboards(DashboardNames=["hello"])
    with pytest.raises(api.exceptions.ResourceNotFound):
        api.get_dashboard(DashboardName="hello")


def widget(**changed: Any) -> dict[str, Any]:
    return {"widgets": [{"type": "text", "properties": {"markdown": "x"}, **changed}]}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("{", "must be a valid JSON object"),
        ("[]", "required property 'widgets'"),
        ("{}", "required property 'widgets'"),
        (widget(type="gauge"), "/widgets/0/type"),
        (widget(width=25), "/widgets/0/width"),
        (widget(properties={}), "required property 'markdown'"),
        (widget(type="metric", properties={"metrics": []}), "required property 'region'"),
        (widget(type="metric", properties={"region": "us-east-1"}), "required property 'metrics'"),
        (widget(type="alarm", properties={}), "required property 'alarms'"),
        (widget(properties=None), "/widgets/0/properties"),
    ],
    ids=str,
)
def test_a_body_that_aws_would_not_show_is_refused(account: Account, body: Any, message: str) -> None:
    text = body if isinstance(body, str) else json.dumps(body)
    with pytest.raises(ClientError, match=message) as refused:
        account.cloudwatch.put_dashboard(DashboardName="bad", DashboardBody=text)
    assert refused.value.response["Error"]["Code"] == "InvalidParameterInput"
