"""ansible-playbook on a rehearsal's cloud: run to its end, or started, watched and killed."""

from __future__ import annotations

import json
import re
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rehearsal.environment import PROJECT
from rehearsal.errors import RehearsalError
from rehearsal.inventory import TOOLS
from rehearsal.processes import Marker


@dataclass(frozen=True)
class Run:
    """How a run ended. `began` and `ended` in Unix time."""

    status: int
    output: str
    began: float
    ended: float

    @property
    def succeeded(self) -> bool:
        return self.status == 0

    @property
    def changed(self) -> int | None:
        """Number of changed tasks; None where there is no recap."""
        counts = re.findall(r"^\S+\s+: ok=\d+\s+changed=(\d+)", self.output, re.MULTILINE)
        return sum(map(int, counts)) if counts else None


@dataclass(frozen=True)
class Playbooks:
    """Playbooks with one inventory and one set of variables."""

    inventory: Path
    host: str
    variables: Mapping[str, Any]
    environment: Mapping[str, str]

    def run(self, playbook: str, *arguments: str, **variables: Any) -> Run:
        with self.start(playbook, *arguments, **variables) as running:
            return running.finish()

    def run_well(self, playbook: str, *arguments: str, **variables: Any) -> Run:
        """:raises RehearsalError: it failed."""
        run = self.run(playbook, *arguments, **variables)
        if not run.succeeded:
            raise RehearsalError(f"{playbook} failed:\n{run.output}")
        return run

    def start(self, playbook: str, *arguments: str, **variables: Any) -> RunningPlaybook:
        command = [
            str(TOOLS / "ansible-playbook"),
            playbook,
            "-i",
            str(self.inventory),
            "--limit",
            self.host,
            *arguments,
        ]
        # Nothing secret is among them: the keys are the local cloud's.
        command += ["-e", json.dumps({**self.variables, **variables})]
        return RunningPlaybook(command, self.environment)


class RunningPlaybook:
    """One run, out of the reach of the terminal's Ctrl-C; whatever is left of it when the block is over is killed."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self._began = time.time()
        self._lines: list[str] = []
        self._marker = Marker()
        self._process = subprocess.Popen(
            command,
            cwd=PROJECT,
            env={**environment, **self._marker.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.kill()

    def _read(self) -> None:
        for line in self._process.stdout or ():
            self._lines.append(line)

    @property
    def output(self) -> str:
        return "".join(self._lines)

    @property
    def runs(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        """SIGKILL to every process of the run, as when the controller loses its power."""
        self._marker.kill()
        self._process.wait()

    def finish(self) -> Run:
        status = self._process.wait()
        self._reader.join(timeout=10)
        return Run(status, self.output, self._began, time.time())
