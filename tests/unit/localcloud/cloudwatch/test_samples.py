"""Statistics. Source: "CloudWatch statistics definitions" (CloudWatch user guide)."""

from __future__ import annotations

import pytest

from localcloud.control_plane.cloudwatch.samples import MOST_VALUES, Samples, of_statistic_set


def samples(values: dict[float, float]) -> Samples:
    result = Samples()
    result.add(values)
    return result


def test_what_is_merged_is_as_if_measured_together() -> None:
    together = samples({1.0: 2, 3.0: 1})
    together.merge(samples({3.0: 1, 9.0: 4}))
    assert together == samples({1.0: 2, 3.0: 2, 9.0: 4})


@pytest.mark.parametrize(
    ("statistic", "value"), [("p0", 1), ("p50", 5.5), ("p90", 9.1), ("p99.9", 9.991), ("p100", 10)]
)
def test_percentiles_lie_between_the_nearest_ranks(statistic: str, value: float) -> None:
    assert samples({float(number): 1 for number in range(1, 11)}).value(statistic) == pytest.approx(value)


def test_nothing_was_measured() -> None:
    assert Samples().value("Average") is None


def test_there_are_no_percentiles_of_negative_values() -> None:
    """ "Percentile statistics are not available for metrics when any of the metric values are negative numbers"."""
    assert samples({-1.0: 1, 5.0: 1}).value("p50") is None
    assert samples({-1.0: 1, 5.0: 1}).value("Minimum") == -1


def test_there_are_percentiles_of_a_statistic_set_of_equal_values_only() -> None:
    assert of_statistic_set(3, 12, 4, 4).value("p50") == 4
    mixed = samples({1.0: 1})
    mixed.merge(of_statistic_set(3, 12, 1, 7))
    assert (mixed.value("p50"), mixed.value("Sum"), mixed.value("Maximum")) == (None, 13, 7)


def test_of_many_values_those_that_are_near_are_one_and_sums_stay_exact() -> None:
    many = Samples()
    for number in range(20):
        many.merge(samples({1 + (number * 1000 + each) / 20_000: 1 for each in range(1000)}))
    assert many.values is not None
    assert len(many.values) <= MOST_VALUES
    assert many.value("SampleCount") == 20_000
    assert many.value("Average") == pytest.approx(1.5, abs=1e-4)
    assert many.value("Maximum") == 1 + 19_999 / 20_000
    assert many.value("p99") == pytest.approx(1.99, rel=0.006)
