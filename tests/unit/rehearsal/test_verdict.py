"""Verdict, phases and figures: right for stories whose every number is known."""

from __future__ import annotations

import pytest

from rehearsal.report.axis import Axis, clock
from rehearsal.report.figures import percentile, phases, series
from rehearsal.report.verdict import duration, milliseconds, verdict
from tests.unit.rehearsal.stories import BEGIN, FAILED_AT_ALL_KINDS, NEW, OLD, story


def test_a_release_that_nobody_noticed() -> None:
    found = verdict(story())
    assert found.good
    assert found.headline == "None of 1,199 requests failed"
    assert found.sentences[0] == (
        f"Release {NEW} has replaced {OLD} on production. It took 40\u00a0s, with time 5 times faster than on AWS."
    )
    assert "(1.00 times as long)" in found.sentences[-1]


def test_failures_are_counted_by_kind_and_by_what_went_on() -> None:
    found = verdict(story(FAILED_AT_ALL_KINDS))
    assert not found.good
    assert found.headline == "5 of 1,199 requests failed"
    failures = found.sentences[1]
    for words in (
        "2 answers with a status of 500 or more",
        "1 refused connections",
        "1 answers that ended too early",
        "1 requests that were given up",
        "1 before anything began",
        "3 during the instance refresh (InProgress)",
        "1 after the end",
        f"Answered 1 by release {NEW}, 1 by release {OLD}.",
    ):
        assert words in failures, failures


def test_the_wrong_release_in_the_end_is_no_success() -> None:
    found = verdict(story(release_wanted=OLD))
    assert not found.good
    assert found.headline.endswith("and the wrong release serves")
    assert f"served by {NEW} in the end, and {OLD} should serve" in found.sentences[0]


def test_two_releases_in_the_end_are_no_success() -> None:
    assert not verdict(story({1190: {"release": OLD}})).good


def test_an_application_without_headers_is_known_by_its_version() -> None:
    silent = {number: {"release": "", "instance": ""} for number in range(1, 1200)}
    assert not verdict(story(silent)).good
    assert verdict(story(silent, release_answers=frozenset({NEW}))).good
    assert not verdict(story(silent, release_answers=frozenset({OLD, NEW}))).good


def test_what_serves_as_before_is_said_so() -> None:
    unchanged = {number: {"release": OLD} for number in range(601, 1200)}
    found = verdict(story(unchanged, release_wanted=OLD, time_scale=1))
    assert found.good
    assert found.sentences[0] == f"production is served by release {OLD} as before. It took 40\u00a0s."
    failed = verdict(story(unchanged, release_wanted=OLD, succeeded=False))
    assert failed.sentences[0].startswith(f"The playbook failed, and production is served by release {OLD} as before.")


def test_phases_count_by_the_scheduled_moment() -> None:
    before, during, after = phases(story(FAILED_AT_ALL_KINDS))
    # Requests 1 to 199, 200 to 999, 1000 to 1199.
    assert [phase.requests for phase in (before, during, after)] == [199, 800, 200]
    assert [phase.failed for phase in (before, during, after)] == [1, 3, 1]
    assert before.p50 == pytest.approx(0.006, abs=0.0011)


def test_slow_requests_and_failures_do_not_blur_the_latency() -> None:
    slow = {number: {"path": "/exercise/slow?seconds=2", "done": BEGIN + 100} for number in range(300, 340)}
    assert phases(story(slow))[1].p99 == pytest.approx(0.006, abs=0.0002)


def test_nothing_is_lost_between_the_buckets() -> None:
    data = series(story(FAILED_AT_ALL_KINDS))
    counted = sum(map(sum, data.rates.values())) + sum(data.failures)
    # All but the last bucket, which is not whole.
    assert counted * data.width == pytest.approx(20 * data.width * data.length, abs=20)
    assert sum(data.failures) * data.width == 5


@pytest.mark.parametrize(("share", "value"), [(0.5, 50), (0.99, 99), (1.0, 100), (0.001, 1)])
def test_percentiles_are_values_that_were_measured(share: float, value: float) -> None:
    assert percentile([float(number) for number in range(1, 101)], share) == value


def test_the_percentile_of_nothing_is_nothing() -> None:
    assert percentile([], 0.5) is None


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (duration(48.4), "48\u00a0s"),
        (duration(125), "2\u00a0min 5\u00a0s"),
        (milliseconds(0.00123), "1.2\u00a0ms"),
        (milliseconds(1.5), "1,500\u00a0ms"),
        (milliseconds(None), "–"),
        (clock(-15), "−0:15"),
        (clock(90), "1:30"),
    ],
)
def test_numbers_as_people_read_them(text: str, wanted: str) -> None:
    assert text == wanted


@pytest.mark.parametrize("seconds", [30, 61, 140, 900, 7200])
def test_an_axis_has_a_few_ticks_and_one_at_zero(seconds: float) -> None:
    ticks = Axis(1000, 1000 + seconds, 1010).ticks
    assert 2 <= len(ticks) <= 11
    assert "0:00" in [tick.label for tick in ticks]
    assert [tick.at for tick in ticks] == sorted(tick.at for tick in ticks)
    assert all(0 <= tick.at <= 100 for tick in ticks)
