"""A load as whoever orders it sees it: started, stopped, and read."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rehearsal.environment import PROJECT
from rehearsal.load import requests
from rehearsal.load.plan import Plan
from rehearsal.load.requests import Request

_FIRST_ANSWER_SECONDS = 30


class LoadError(Exception):
    """The generator did not do its work; the message says what it said."""


@dataclass
class Load:
    """A generator in a process of its own, so that nothing else on the controller delays it."""

    plan: Plan
    file: Path
    """Requests as JSON lines, written as they end."""
    _process: subprocess.Popen[str]

    @property
    def runs(self) -> bool:
        return self._process.poll() is None

    def requests(self) -> Sequence[Request]:
        """What has ended so far, in the order of the plan."""
        return sorted(requests.read(self.file), key=lambda request: request.scheduled)

    def wait_for_an_answer(self) -> None:
        """Return once the first request has ended: from here on there is load."""
        deadline = time.monotonic() + _FIRST_ANSWER_SECONDS
        while not (self.file.exists() and self.file.stat().st_size):
            if not self.runs or time.monotonic() > deadline:
                raise LoadError(f"No request ended within {_FIRST_ANSWER_SECONDS} s: {self._end()}")
            time.sleep(0.05)

    def _end(self) -> str:
        if self.runs:
            self._process.terminate()
        try:
            _, errors = self._process.communicate(timeout=self.plan.timeout + 15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            _, errors = self._process.communicate()
        return errors.strip()

    def stop(self) -> None:
        """Send nothing more and wait for every answer that is due.

        :raises LoadError: the generator failed, or the plan had been over before: there was a time without load.
        """
        over = not self.runs
        errors = self._end()
        if self._process.returncode != 0:
            raise LoadError(f"The load generator failed ({self._process.returncode}): {errors}")
        if over:
            raise LoadError(f"The load was over after {self.plan.seconds:g} s, before what it was to accompany.")


@contextmanager
def running(plan: Plan, directory: Path, environment: Mapping[str, str]) -> Iterator[Load]:
    """Load while the block runs; when it is left, every request has ended and can be read."""
    plan_file, file = directory / "plan.json", directory / "requests.jsonl"
    plan.save(plan_file)
    process = subprocess.Popen(
        [sys.executable, "-m", "rehearsal.load", str(plan_file), str(file)],
        cwd=PROJECT,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        # Ctrl-C is for whoever started this; the generator is stopped in order.
        start_new_session=True,
    )
    load = Load(plan, file, process)
    try:
        load.wait_for_an_answer()
        yield load
        load.stop()
    finally:
        if load.runs:
            process.kill()
            process.wait()
