from __future__ import annotations

from tests.contract.monitoring.account import POLICY, TOPIC, Account, eventually


def test_an_alarm_goes_through_its_states(account: Account) -> None:
    api = account.cloudwatch
    api.put_metric_alarm(
        AlarmName="life",
        AlarmActions=[TOPIC, POLICY],
        OKActions=[TOPIC],
        Namespace="test",
        MetricName="life",
        Dimensions=[{"Name": "a", "Value": "1"}],
        Statistic="Average",
        Period=60,
        EvaluationPeriods=1,
        Threshold=10,
        ComparisonOperator="GreaterThanThreshold",
    )
    assert account.alarm("life")["StateValue"] == "INSUFFICIENT_DATA"

    def feed(value: float) -> None:
        api.put_metric_data(
            Namespace="test",
            MetricData=[{"MetricName": "life", "Dimensions": [{"Name": "a", "Value": "1"}], "Value": value}],
        )

    def state(value: float, wanted: str) -> bool:
        feed(value)
        return account.alarm("life")["StateValue"] == wanted

    eventually(lambda: state(20, "ALARM"))
    print(account.alarm("life"))
    eventually(lambda: len(account.actions("life")) > 3)
    eventually(lambda: state(1, "OK"))
    print(account.alarm("life"))
    print(account.actions("life"))
    eventually(lambda: account.alarm("life")["StateValue"] == "INSUFFICIENT_DATA")
    for item in api.describe_alarm_history(AlarmName="life", ScanBy="TimestampAscending")["AlarmHistoryItems"]:
        print(item["Timestamp"], item["HistorySummary"], item["HistoryData"])
