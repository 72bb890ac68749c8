"""All scenarios on clouds of their own, and the file that keeps what they came to."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from rehearsal import cloud, stage
from rehearsal.cloud import Terms
from rehearsal.release import REPORTS
from rehearsal.scenarios import scaling, scenarios
from rehearsal.scenarios.applications import Applications
from rehearsal.scenarios.result import Result
from rehearsal.scenarios.scenarios import Play

ACCOUNT, REGION = "000000000000", "us-east-1"
RATE = 210.0
TIME_SCALE = 10.0
# inventories/local, with the waits of an environment on AWS: they are what is played faster.
VARIABLES: Mapping[str, Any] = {
    "env_name": "soak",
    "fleet_launch_timeout_seconds": 300,
    "fleet_health_check_grace_seconds": 60,
    "fleet_instance_warmup_seconds": 60,
    "fleet_ready_timeout_seconds": 600,
    "load_balancer_health_check_interval_seconds": 10,
    "load_balancer_health_check_timeout_seconds": 5,
    "load_balancer_deregistration_delay_seconds": 60,
    # As long as the alarms that end a release need to notice.
    "fleet_bake_seconds": 360,
}
VARIANTS = {"rollback ignores alarms": False, "rollback honours alarms": True}
BOTH_VARIANTS: Sequence[Callable[[Play], Result]] = (
    scenarios.never_healthy,
    scenarios.answers_500,
    scenarios.turns_bad,
    scenarios.rollback_by_name,
    scenarios.controller_killed,
    scenarios.instance_killed,
)


def play(honours_alarms: bool, lead_seconds: float = stage.LEAD_SECONDS) -> AbstractContextManager[Play]:
    """An environment for releases of every kind."""
    terms = Terms(ACCOUNT, REGION, TIME_SCALE, rollback_refresh_honours_alarms=honours_alarms)
    return playing(terms, RATE, VARIABLES, lead_seconds)


def play_scaling(lead_seconds: float = stage.LEAD_SECONDS) -> AbstractContextManager[Play]:
    """An environment of small machines, whose fleet may grow."""
    terms = Terms(ACCOUNT, REGION, scaling.TIME_SCALE, instance_cpus=scaling.INSTANCE_CPUS)
    return playing(terms, scaling.RATE, scaling.VARIABLES, lead_seconds)


@contextmanager
def playing(terms: Terms, rate: float, variables: Mapping[str, Any], lead_seconds: float) -> Iterator[Play]:
    """An environment with the working copy's application; nothing is left of it afterwards."""
    with tempfile.TemporaryDirectory(prefix="soak-", ignore_cleanup_errors=True) as directory:
        path = Path(directory)
        with cloud.running(path, cloud.free_place(), terms) as running:
            applications = Applications(path / "applications")
            first = applications.good("first")
            deployed = stage.deploy(running, "local", first, rate, variables)
            yield Play(replace(deployed, lead_seconds=lead_seconds), applications, first)


def soak(say: Callable[[str], None], good_releases: int = 10) -> list[Result]:
    """Play everything in both variants of a stack's rollback, and keep what it came to as it comes."""
    results: list[Result] = []

    def note(result: Result) -> None:
        results.append(result)
        keep(results)
        say(f"{'ok  ' if result.good else 'BAD '} {result}")

    for variant, honours_alarms in VARIANTS.items():
        with play(honours_alarms) as played:
            if not honours_alarms:
                for result in scenarios.good_releases(played, good_releases):
                    note(result)
            for scenario in BOTH_VARIANTS:
                result = scenario(played)
                note(replace(result, scenario=f"{result.scenario} ({variant})"))
    with play_scaling() as played:
        note(scaling.scaling(played))
    return results


def keep(results: Sequence[Result]) -> Path:
    REPORTS.mkdir(exist_ok=True)
    file = REPORTS / "soak.json"
    draft = file.with_suffix(f".{os.getpid()}")
    draft.write_text(json.dumps([asdict(result) for result in results], indent=2) + "\n", encoding="utf-8")
    return draft.replace(file)
