"""No release begins over an alarm that would end it: the one that rings is named, with what it means and what to do."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cloud import Cloud, PlaybookRun, running

pytestmark = pytest.mark.timeout(300)

DESCRIPTION = "Clients see errors: go back. https://example.com/runbook.md#error-share"


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """Without machines: alarms on a metric that nobody publishes are good, ring, or know nothing, as they are told."""
    with running(tmp_path_factory.mktemp("alarms"), "--time-scale=30") as cloud:
        for name, missing in {"good": "notBreaching", "rings": "breaching", "unknown": "missing"}.items():
            cloud.client("cloudwatch").put_metric_alarm(
                AlarmName=name,
                AlarmDescription=DESCRIPTION,
                Namespace="Test",
                MetricName="Nothing",
                Statistic="Sum",
                Period=60,
                EvaluationPeriods=1,
                ComparisonOperator="GreaterThanThreshold",
                Threshold=0,
                TreatMissingData=missing,
            )
        yield cloud


def look(cloud: Cloud, *names: str, wait: int = 60) -> PlaybookRun:
    """:param wait: seconds until an alarm that has no data is given up."""
    return cloud.playbook(
        "tests/end_to_end/playbooks/release_alarms.yml",
        variables={"alarm_names": names, "__rolling_update_alarm_wait_seconds": wait},
    )


def test_one_that_was_made_just_now_is_waited_for(cloud: Cloud) -> None:
    run = look(cloud, "good")
    assert run.status == 0, run.output
    assert run.changed == 0


def test_one_that_rings_is_named_with_its_reason_and_what_to_do(cloud: Cloud) -> None:
    run = look(cloud, "good", "rings")
    assert run.status == 2, run.output
    said = " ".join(run.output.split())
    assert "rings rings since 20" in said
    assert "Threshold Crossed" in said
    assert DESCRIPTION in said
    assert "release_ignore_alarms=true. The fleet was left as it is." in said
    assert "good rings" not in said


def test_one_that_never_has_data_is_named(cloud: Cloud) -> None:
    run = look(cloud, "good", "unknown", wait=10)
    assert run.status == 2, run.output
    assert "has not evaluated these alarms within 10 seconds" in " ".join(run.output.split())
    assert "without them: unknown." in " ".join(run.output.split())


def test_one_that_was_deleted_is_named(cloud: Cloud) -> None:
    run = look(cloud, "good", "gone")
    assert run.status == 2, run.output
    assert "gone: deleted by hand" in " ".join(run.output.split())
