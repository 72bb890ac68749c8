"""What belongs to a cloud, and what is left of it when it goes down."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from localcloud import state
from localcloud.settings import Settings


def test_a_process_that_its_container_left_behind_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(tmp_path)
    marked = {**os.environ, state.MARKER: settings.cloud_id}
    monkeypatch.setattr(state, "_cgroup", lambda pid: "8:pids:/libpod_parent/libpod-371fe1b421ab")
    with subprocess.Popen(["sleep", "60"], env=marked) as left, subprocess.Popen(["sleep", "60"]) as foreign:
        try:
            # A machine that runs is its container's to end.
            assert state.processes(settings) == []
            assert state.processes(settings, contained=True) == [left.pid]
            state.clear(settings, lambda _: None)
            assert left.wait(10) != 0
            assert foreign.poll() is None
        finally:
            left.kill()
            foreign.kill()
