"""The scenarios of `make soak`, in a shorter form: what users see of releases, good and bad."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from rehearsal.scenarios import scenarios, soak
from rehearsal.scenarios.result import Result
from rehearsal.scenarios.scenarios import Play

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def play() -> Iterator[Play]:
    """An environment whose rollback's refresh honours alarms: the variant that has more to get wrong."""
    with soak.play(honours_alarms=True, lead_seconds=8) as play:
        yield play


BAD_CODE = (scenarios.answers_500, scenarios.turns_bad)


@pytest.mark.parametrize(
    "scenario",
    [scenarios.good_release, scenarios.instance_killed, *BAD_CODE],
    ids=lambda scenario: str(scenario.__name__),
)
def test_no_request_fails_without_a_reason(play: Play, scenario: Callable[[Play], Result]) -> None:
    result = scenario(play)
    assert result.good, result
    assert result.requests > 200 * 30, "There was load all the time."
    assert (result.failed_by_bad_code > 0) == (scenario in BAD_CODE), "A bad release was undone by what it answered."
    if scenario is scenarios.instance_killed:
        assert result.failed_by_killed_instance > 0, "An instance whose death nobody noticed did not die."
    else:
        assert result.failed_by_killed_instance == 0
