"""Accidents in the middle of a release: the controller dies, an instance dies."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from rehearsal.cloud import Cloud
from rehearsal.errors import RehearsalError
from rehearsal.playbook import RunningPlaybook
from rehearsal.record.observation import Sample
from rehearsal.record.recorder import Recorder
from rehearsal.report.verdict import ACTIVE

_DEADLINE_SECONDS = 180


def wait_until(recorder: Recorder, run: RunningPlaybook, what: str, condition: Callable[[Sample], bool]) -> Sample:
    """The first sample for which the condition holds while the playbook runs.

    :raises RehearsalError: the playbook ended before, or it took too long.
    """
    deadline = time.monotonic() + _DEADLINE_SECONDS
    while True:
        sample = recorder.newest
        if sample and condition(sample):
            return sample
        if not run.runs or time.monotonic() > deadline:
            raise RehearsalError(f"{what}: that never was, while this ran:\n{run.output}")
        time.sleep(0.1)


def half_way(before: str) -> Callable[[Sample], bool]:
    """A refresh is under way, new instances serve, and old ones still do.

    :param before: version of the launch template of the instances that are replaced.
    """

    def condition(sample: Sample) -> bool:
        serving = {
            item.version
            for name, item in sample.instances.items()
            if item.state == "InService" and sample.targets.get(name) == "healthy"
        }
        refreshing = any(refresh.status in ACTIVE for refresh in sample.refreshes)
        return refreshing and before in serving and len(serving) > 1

    return condition


def kill_instance(cloud: Cloud, instance: str) -> float:
    """SIGKILL to everything that runs on an instance, machine and application, by the ids of its own containers.

    :return: the moment in Unix time.
    """
    engine = json.loads((cloud.state_dir / "settings.json").read_text(encoding="utf-8"))["engine"]
    label = f"label=localcloud.instance={instance}"
    containers = _engine(cloud, engine, "ps", "--no-trunc", "--quiet", "--filter", label).split()
    if len(containers) < 2:
        raise RehearsalError(f"{instance} should be a machine and its application, and has {containers}")
    at = time.time()
    _engine(cloud, engine, "kill", "--signal", "KILL", *containers)
    return at


def _engine(cloud: Cloud, engine: str, *words: str) -> str:
    settings = {"CONTAINERS_CONF": str(Path(cloud.state_dir) / "containers.conf")}
    outcome = subprocess.run(
        [engine, *words], env={**cloud.environment, **settings}, capture_output=True, text=True, check=False
    )
    if outcome.returncode != 0:
        raise RehearsalError(f"{engine} {' '.join(words)}: {outcome.stderr.strip()}")
    return outcome.stdout
