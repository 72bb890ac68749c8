"""What alarms do in time. Sources: "Alarm evaluation" and "Alarm actions" (CloudWatch user guide), PutMetricAlarm."""

from __future__ import annotations

import json
from typing import Any

import pytest

from localcloud.control_plane.cloudwatch.samples import Samples
from localcloud.control_plane.cloudwatch.store import Metric
from localcloud.wire import AwsError
from tests.unit.localcloud.cloudwatch.cloud import ACCOUNT, POLICY, REGION, SCOPE, START, TOPIC, Cloud

UNSET: dict[str, Any] = dict.fromkeys(("Namespace", "MetricName", "Statistic", "Period"))
"""What an alarm over several metrics does not have."""


@pytest.fixture(params=[1, 60, 7.5], ids=lambda scale: f"scale {scale}")
def cloud(request: pytest.FixtureRequest) -> Cloud:
    return Cloud(request.param)


def test_a_new_alarm_has_no_data_and_is_evaluated(cloud: Cloud) -> None:
    cloud.measure(20)
    cloud.pass_minutes()
    cloud.put()
    assert (cloud.state(), cloud.view()["StateReason"]) == ("INSUFFICIENT_DATA", "Unchecked: Initial alarm creation")
    cloud.cloudwatch.tick(cloud.now)
    assert cloud.state() == "ALARM"


def test_a_minute_counts_when_it_is_over(cloud: Cloud) -> None:
    cloud.put()
    cloud.measure(20)
    cloud.pass_minutes(0.9)
    assert cloud.state() == "INSUFFICIENT_DATA"
    cloud.pass_minutes(0.1)
    assert cloud.state() == "ALARM"


def test_an_alarm_is_evaluated_once_a_minute(cloud: Cloud) -> None:
    cloud.put()
    cloud.pass_minutes()
    cloud.measure(20, late=1)
    cloud.pass_minutes(0.5)
    assert cloud.state() == "INSUFFICIENT_DATA"
    cloud.pass_minutes(0.5)
    assert cloud.state() == "ALARM"


def test_longer_periods_end_with_each_minute(cloud: Cloud) -> None:
    """ "If the Period is 5 minutes …, then at the end of minute 5 the alarm evaluates based on data from minutes 1 to
    5. Then at the end of minute 6, the alarm is evaluated based on the data from minutes 2 to 6"."""
    cloud.put(Period=300, Statistic="Sum")
    for value in (2, 2, 2, 2, 2, 3):
        cloud.measure(value)
        cloud.pass_minutes()
        assert cloud.state() == ("ALARM" if value == 3 else "OK")


def test_data_that_come_late_count_for_the_minute_they_are_of(cloud: Cloud) -> None:
    cloud.put(EvaluationPeriods=2)
    for _ in range(6):
        cloud.measure(20, late=3)
        cloud.pass_minutes()
    assert cloud.state() == "ALARM"
    newest = json.loads(cloud.view()["StateReasonData"])["evaluatedDatapoints"][0]
    assert newest["value"] == 20


def test_what_stops_is_looked_at_until_it_leaves_the_evaluation_range(cloud: Cloud) -> None:
    cloud.put()
    cloud.measure(20)
    states = []
    for _ in range(6):
        cloud.pass_minutes()
        states.append(cloud.state())
    assert states == ["ALARM"] * 4 + ["INSUFFICIENT_DATA"] * 2


def test_dimensions_and_units_tell_metrics_apart(cloud: Cloud) -> None:
    cloud.put("one", Dimensions=[{"Name": "group", "Value": "blue"}])
    cloud.put("both", Dimensions=[{"Name": "zone", "Value": "a"}, {"Name": "group", "Value": "blue"}])
    cloud.put("none", Unit="Percent")
    cloud.measure(20, group="blue")
    cloud.measure(20, group="green")
    cloud.measure(1, group="blue", zone="a")
    cloud.measure(20, unit="Seconds")
    cloud.pass_minutes()
    assert [cloud.state(name) for name in ("one", "both", "none")] == ["ALARM", "OK", "INSUFFICIENT_DATA"]


@pytest.mark.parametrize(
    ("statistic", "threshold", "state"),
    [
        ({"Statistic": "Average"}, 3.1, "OK"),
        ({"Statistic": "Average"}, 2.9, "ALARM"),
        ({"Statistic": "Sum"}, 299, "ALARM"),
        ({"Statistic": "SampleCount"}, 100, "OK"),
        ({"Statistic": "Maximum"}, 199, "ALARM"),
        ({"Statistic": "Minimum"}, 1, "OK"),
        ({"Statistic": None, "ExtendedStatistic": "p99"}, 2.9, "ALARM"),
        ({"Statistic": None, "ExtendedStatistic": "p99"}, 3.1, "OK"),
        ({"Statistic": None, "ExtendedStatistic": "p50"}, 1, "OK"),
    ],
    ids=str,
)
def test_statistics(statistic: dict[str, str], threshold: float, state: str) -> None:
    cloud = Cloud()
    cloud.put(**statistic, Threshold=threshold)
    cloud.measure({1.0: 98})
    cloud.measure({1.0: 1, 201.0: 1})
    cloud.pass_minutes()
    assert cloud.state() == state, cloud.view()


def test_a_share_of_two_metrics() -> None:
    cloud = Cloud()

    def stat(name: str) -> dict[str, object]:
        metric = {"Namespace": "test", "MetricName": name}
        return {"Id": name, "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}, "ReturnData": False}

    share = {"Id": "share", "Expression": "IF(requests > 0, 100 * errors / requests, 0)"}
    cloud.put(**UNSET, Metrics=[share, stat("errors"), stat("requests")], Threshold=5, TreatMissingData="notBreaching")
    seen = []
    for errors, requests in ((1, 20), (2, 20), (None, 20), (0, 0)):
        if errors is not None:
            cloud.measure(errors, name="errors")
        cloud.measure(requests, name="requests")
        cloud.pass_minutes()
        seen.append(cloud.state())
    # Without errors there is no data point, and the one from before is the newest.
    assert seen == ["OK", "ALARM", "ALARM", "OK"]
    assert "MetricName" not in cloud.view()
    assert cloud.view()["Metrics"][0] == share


# --- actions ----------------------------------------------------------------------------------------------


def test_a_topic_is_called_once_and_a_policy_each_minute(cloud: Cloud) -> None:
    cloud.put(AlarmActions=[TOPIC, POLICY], OKActions=[TOPIC])
    for value in (20, 30, 40, 5):
        cloud.measure(value)
        cloud.pass_minutes()
        cloud.cloudwatch.tick(cloud.now)
    called = [(action.action_arn, action.old_state, action.repeated, action.value) for action in cloud.actions]
    assert called == [
        (TOPIC, "INSUFFICIENT_DATA", False, 20),
        (POLICY, "INSUFFICIENT_DATA", False, 20),
        (POLICY, "ALARM", True, 30),
        (POLICY, "ALARM", True, 40),
        (TOPIC, "ALARM", False, 5),
    ]
    last = cloud.actions[-1]
    assert (last.account, last.region, last.at) == (ACCOUNT, REGION, cloud.now)
    assert last.alarm["StateValue"] == "OK"
    assert last.alarm["AlarmArn"] == f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:alarm"


def test_actions_that_are_disabled_are_not_done() -> None:
    cloud = Cloud()
    cloud.put(AlarmActions=[TOPIC, POLICY], ActionsEnabled=False)
    for _ in range(2):
        cloud.measure(20)
        cloud.pass_minutes()
    assert (cloud.state(), cloud.actions) == ("ALARM", [])


def test_an_action_that_fails_is_in_the_history_and_keeps_no_other_from_its_own() -> None:
    cloud = Cloud()
    cloud.failure = "the topic does not exist"
    cloud.put(AlarmActions=[TOPIC, POLICY])
    cloud.measure(20)
    cloud.pass_minutes()
    assert cloud.history()[2:] == [f"Failed to execute action {arn}" for arn in (TOPIC, POLICY)]
    item = cloud.cloudwatch.history.items(SCOPE)[2].view()
    assert json.loads(item["HistoryData"])["error"] == cloud.failure


def test_an_action_that_raises_is_one_that_failed(caplog: pytest.LogCaptureFixture) -> None:
    cloud = Cloud()

    def act(_: object) -> str:
        raise RuntimeError("no SNS")

    cloud.cloudwatch.on_action("sns", act)
    cloud.put(AlarmActions=[TOPIC, POLICY])
    cloud.measure(20)
    cloud.pass_minutes()
    assert cloud.history()[2:] == [f"Failed to execute action {TOPIC}", f"Successfully executed action {POLICY}"]
    assert [action.action_arn for action in cloud.actions] == [POLICY]


def test_a_policy_that_is_called_again_is_in_the_history_again_when_something_else_comes_of_it() -> None:
    cloud = Cloud()
    cloud.put(AlarmActions=[POLICY])
    for failure in ("", "", "suspended", "suspended", "", ""):
        cloud.failure = failure
        cloud.measure(20)
        cloud.pass_minutes()
    assert len(cloud.actions) == 6
    assert [summary.partition(" action")[0] for summary in cloud.history()[2:]] == [
        "Successfully executed",
        "Failed to execute",
        "Successfully executed",
    ]


# --- changes ----------------------------------------------------------------------------------------------


def test_an_alarm_that_is_changed_keeps_its_state_and_its_tags_until_it_is_evaluated() -> None:
    cloud = Cloud()
    cloud.put(Tags=[{"Key": "env", "Value": "a"}])
    cloud.measure(20)
    cloud.pass_minutes()
    cloud.put(Threshold=30, Tags=[{"Key": "env", "Value": "b"}])
    assert (cloud.state(), cloud.cloudwatch.alarms(SCOPE)["alarm"].tags) == ("ALARM", {"env": "a"})
    cloud.cloudwatch.tick(cloud.now)
    assert cloud.state() == "OK"


def test_a_change_replaces_everything() -> None:
    cloud = Cloud()
    cloud.put(AlarmActions=[TOPIC], AlarmDescription="is replaced")
    cloud.put()
    assert "AlarmDescription" not in cloud.view()
    assert cloud.view()["AlarmActions"] == []


def test_the_history_outlives_the_alarm() -> None:
    cloud = Cloud()
    cloud.put()
    cloud.put()
    cloud.cloudwatch.delete(*SCOPE, ["alarm", "never there"])
    assert cloud.state() is None
    assert cloud.history() == [f'Alarm "alarm" {done}' for done in ("created", "updated", "deleted")]


def test_accounts_and_regions_are_apart() -> None:
    cloud = Cloud()
    cloud.put()
    assert cloud.cloudwatch.state("111111111111", REGION, "alarm") is None
    assert cloud.cloudwatch.state(ACCOUNT, "eu-west-1", "alarm") is None
    assert cloud.state(f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:alarm") == "INSUFFICIENT_DATA"
    assert cloud.state(f"arn:aws:cloudwatch:{REGION}:111111111111:alarm:alarm") is None


def test_what_is_old_is_kept_by_the_hour_and_then_forgotten() -> None:
    cloud = Cloud()
    for value in (1, 2):
        cloud.measure(value)
        cloud.pass_minutes()
    store, metric, minute = cloud.cloudwatch.store, Metric("test", "load"), START // 60
    assert [store.samples(SCOPE, metric, [minute + n]) for n in (0, 1)] == [
        Samples(1, 1, 1, 1, {1: 1}),
        Samples(1, 2, 2, 2, {2: 1}),
    ]
    cloud.pass_minutes(27 * 60)
    assert store.samples(SCOPE, metric, [minute]) == Samples(2, 3, 1, 2, {1: 1, 2: 1})
    assert store.span(SCOPE, metric) == (minute, minute)
    cloud.pass_minutes(3 * 24 * 60)
    assert not store.metrics(SCOPE)


# --- refusals ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"Period": 90}, "multiple of 60"),
        ({"Period": 10}, "localcloud does not support Period 10"),
        ({"Period": 43200, "EvaluationPeriods": 3}, "localcloud does not support alarms of several days"),
        ({"Period": 60, "EvaluationPeriods": 1441}, "<= 86400"),
        ({"DatapointsToAlarm": 2}, "less than or equal to EvaluationPeriods"),
        ({"EvaluationPeriods": 0}, "EvaluationPeriods"),
        ({"EvaluationPeriods": None}, "EvaluationPeriods is required"),
        ({"Threshold": None}, "Threshold is required"),
        ({"Statistic": None}, "Either Statistic or ExtendedStatistic"),
        ({"ExtendedStatistic": "p99"}, "Either Statistic or ExtendedStatistic"),
        ({"Statistic": None, "ExtendedStatistic": "tm90"}, "localcloud does not support the statistic tm90"),
        ({"Statistic": None, "ExtendedStatistic": "p101"}, "The value p101"),
        ({"Statistic": "Median"}, "Member must satisfy enum value set"),
        ({"TreatMissingData": "bad"}, "Unsupported treat missing data value"),
        ({"ComparisonOperator": "GreaterThanUpperThreshold"}, "localcloud does not support ComparisonOperator"),
        ({"ThresholdMetricId": "ad1"}, "localcloud does not support ThresholdMetricId"),
        ({"AlarmActions": ["alerts"]}, "Invalid arn syntax"),
        ({"AlarmActions": ["arn:aws:lambda:us-east-1:000000000000:function:f"]}, "alarm actions of lambda"),
        ({"AlarmActions": [TOPIC.replace("us-east-1", "eu-west-1")]}, "Only us-east-1 is supported"),
        ({"AlarmActions": [TOPIC] * 6}, "less than or equal to 5"),
        ({"Namespace": ":odd"}, "regular expression"),
        ({"Colour": "red"}, "Colour"),
        ({"Metrics": [{"Id": "a", "Expression": "1"}]}, "exclude each other"),
    ],
    ids=str,
)
def test_what_aws_refuses_or_would_be_ignored_is_refused(changed: dict[str, Any], message: str) -> None:
    cloud = Cloud()
    with pytest.raises(AwsError, match=message):
        cloud.put(**changed)
    assert cloud.state() is None


METRIC = {"Metric": {"Namespace": "test", "MetricName": "load"}, "Period": 60, "Stat": "Sum"}


@pytest.mark.parametrize(
    ("metrics", "message"),
    [
        ([{"Id": "a", "MetricStat": METRIC}, {"Id": "b", "MetricStat": METRIC}], "Exactly one element"),
        ([{"Id": "A", "MetricStat": METRIC}], "expected pattern"),
        ([{"Id": "a", "MetricStat": METRIC}, {"Id": "a", "Expression": "1"}], "more than one"),
        ([{"Id": "a"}], "either MetricStat or Expression"),
        ([{"Id": "a", "Expression": "b + 1"}], "Undefined id: b"),
        ([{"Id": "a", "Expression": "1 + 1"}], "must have a MetricStat"),
        (
            [{"Id": "m", "MetricStat": METRIC, "ReturnData": False}, {"Id": "a", "Expression": "m + a"}],
            "refers to itself",
        ),
        (
            [
                {"Id": "m", "MetricStat": METRIC, "ReturnData": False},
                {"Id": "n", "MetricStat": METRIC | {"Period": 120}, "ReturnData": False},
                {"Id": "a", "Expression": "m + n"},
            ],
            "different periods",
        ),
        (
            [
                {"Id": "m", "MetricStat": METRIC, "ReturnData": False},
                {"Id": "e", "Expression": "m * 2", "ReturnData": False},
                {"Id": "a", "Expression": "m + e"},
            ],
            "more than one expression",
        ),
    ],
    ids=str,
)
def test_metrics_that_cannot_be_are_refused(metrics: list[dict[str, object]], message: str) -> None:
    with pytest.raises(AwsError, match=message):
        Cloud().put(**UNSET, Metrics=metrics)
