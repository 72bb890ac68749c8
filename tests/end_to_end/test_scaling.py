"""The scaling scenario of `make soak`: what users and operators see of load that comes and goes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rehearsal import mails
from rehearsal.scenarios import soak
from rehearsal.scenarios.scaling import scaling
from rehearsal.scenarios.scenarios import Play

pytestmark = pytest.mark.timeout(1200)


@pytest.fixture(scope="module")
def play() -> Iterator[Play]:
    with soak.play_scaling(lead_seconds=3) as play:
        yield play


def test_load_scales_the_fleet_out_and_in_and_no_request_fails(play: Play) -> None:
    result = scaling(play)
    assert result.good, result
    assert result.requests > 1000, "There was load all the time."

    # Whoever reads it knows what was crossed, how, and where to read on.
    mail = next(
        mail for mail in mails.arrived(play.stage.cloud) if mail.subject.startswith('ALARM: "hello-scaling-blue-cpu"')
    )
    for part in ("70.0", "Threshold Crossed", "CPUUtilization", "docs/runbook.md#cpu"):
        assert part in mail.text, mail.text
