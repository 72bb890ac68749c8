"""Load that the smallest fleet cannot carry: it grows, an alarm is mailed; the load goes, and it shrinks."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from localcloud.mailbox import Mail
from rehearsal import mails
from rehearsal.errors import RehearsalError
from rehearsal.load import process
from rehearsal.load.plan import MOST_SECONDS, Plan
from rehearsal.load.requests import Request
from rehearsal.playbook import Run
from rehearsal.record.observation import Sample
from rehearsal.record.recorder import Recorder
from rehearsal.scenarios.result import Result
from rehearsal.scenarios.scenarios import Play
from rehearsal.stage import Stage

INSTANCE_CPUS = 0.25
"""Processors of each instance: few enough that a whole fleet can be busy, and whoever asks it still has room."""
RATE = 15.0
"""Requests a second of those who only look on."""
TIME_SCALE = 10.0
SMALLEST, LARGEST = 2, 4
VARIABLES: Mapping[str, Any] = {
    "env_name": "scaling",
    "fleet_min_size": SMALLEST,
    "fleet_max_size": LARGEST,
    "fleet_cpu_target_percent": 50,
    "fleet_cpu_alarm_percent": 70,
    # So small a machine boots and answers slowly: in AWS's time, which passes faster here.
    "fleet_launch_timeout_seconds": 900,
    "fleet_ready_timeout_seconds": 1200,
    "fleet_instance_warmup_seconds": 60,
    "load_balancer_health_check_interval_seconds": 30,
    "load_balancer_health_check_timeout_seconds": 20,
    "load_balancer_deregistration_delay_seconds": 60,
}
GROWS_WITHIN = 6 * 60.0
"""AWS seconds from the load to a larger desired capacity: three data points of a minute each, the minute in which it
began, and one each until they are published and evaluated ("Target tracking scaling policies", EC2 Auto Scaling)."""
SHRINKS_WITHIN = 45 * 60.0
"""AWS seconds from the end of the load to the smallest size: a quarter of an hour before the first step, then more."""
BURN_SECONDS = 0.02
BUSY = 0.8
"""Share of the smallest fleet's processors that burning takes; what the requests cost beside it comes on top."""


@dataclass
class Burst:
    """What happens to an environment while load comes and goes. Moments are Unix time in seconds."""

    stage: Stage
    burnt: Sequence[Request] = ()
    grew_after: float = float("inf")
    """AWS seconds from the load to the larger desired capacity."""
    mails: list[Mail] = field(default_factory=list)
    """Of the CPU alarm, in the order of arrival."""

    @property
    def right(self) -> bool:
        """Grown in time, and told of both: that the threshold was crossed, and that all is well again."""
        subjects = [mail.subject for mail in self.mails]
        told = len(subjects) >= 2 and subjects[0].startswith("ALARM: ") and subjects[-1].startswith("OK: ")
        return told and self.grew_after <= GROWS_WITHIN

    def act(self, recorder: Recorder) -> Run:
        began = time.time()
        directory = self.stage.cloud.directory / "burst"
        directory.mkdir()
        mails.confirm_every_address(self.stage.cloud)
        recorder.note(began, "load came")
        with process.running(self._plan(), directory, self.stage.cloud.environment) as load:
            self._wait(recorder, "more instances", GROWS_WITHIN + 900, lambda sample: _serving(sample) > SMALLEST)
            grown = self._first(recorder, lambda sample: len(_living(sample)) > SMALLEST)
            self.grew_after = (grown - began) * self.stage.cloud.terms.time_scale
            self._await_mail("ALARM: ")
        self.burnt = load.requests()
        recorder.note(time.time(), "load went")
        self._await_mail("OK: ")
        self._wait(recorder, "the smallest fleet", SHRINKS_WITHIN, lambda sample: len(sample.instances) == SMALLEST)
        return Run(0, "", began, time.time())

    def _plan(self) -> Plan:
        rate = BUSY * SMALLEST * INSTANCE_CPUS / BURN_SECONDS
        path = f"/exercise/burn?seconds={BURN_SECONDS}"
        return Plan(f"https://{self.stage.host}", self.stage.certificate, rate, MOST_SECONDS, path)

    def _wait(self, recorder: Recorder, what: str, seconds: float, condition: Callable[[Sample], bool]) -> None:
        """:param seconds: of AWS time."""
        self._until(what, seconds, lambda: recorder.newest is not None and condition(recorder.newest))

    @staticmethod
    def _first(recorder: Recorder, condition: Callable[[Sample], bool]) -> float:
        return next(sample.at for sample in recorder.samples if condition(sample))

    def _await_mail(self, subject: str) -> None:
        def arrived() -> bool:
            self.mails = [mail for mail in mails.arrived(self.stage.cloud) if "-cpu" in mail.subject]
            return any(mail.subject.startswith(subject) for mail in self.mails)

        self._until(f"the mail {subject}…", 1800, arrived)

    def _until(self, what: str, seconds: float, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + seconds / self.stage.cloud.terms.time_scale
        while not condition():
            if time.monotonic() > deadline:
                raise RehearsalError(f"{what}: not within {seconds:g} seconds of AWS time.")
            time.sleep(0.2)


def _living(sample: Sample) -> list[str]:
    return [name for name, item in sample.instances.items() if not item.state.startswith("Terminating")]


def _serving(sample: Sample) -> int:
    healthy = (name for name, state in sample.targets.items() if state == "healthy")
    return sum(name in sample.instances and sample.instances[name].state == "InService" for name in healthy)


def scaling(play: Play) -> Result:
    """Load scales the fleet out, and its end scales it in again; both mails of the alarm arrive."""
    burst = Burst(play.stage)
    story = play.stage.under_load("scaling", burst.act, wanted=play.stage.release)
    result = play.result("scaling", replace(story, requests=[*story.requests, *burst.burnt]))
    return result if burst.right else replace(result, final_version_ok=False)
