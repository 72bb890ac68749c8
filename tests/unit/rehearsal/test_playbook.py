"""Playbooks as a rehearsal runs them: read to the end, or killed with everything that they started."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rehearsal.errors import RehearsalError
from rehearsal.playbook import Playbooks
from rehearsal.processes import Marker

PLAY = """
- hosts: all
  gather_facts: false
  connection: local
  tasks:
    - ansible.builtin.command: {command}
      vars:
        ansible_python_interpreter: "{{{{ ansible_playbook_python }}}}"
"""


@pytest.fixture
def playbooks(tmp_path: Path) -> Playbooks:
    inventory = tmp_path / "hosts.yml"
    inventory.write_text("targets: {hosts: {here: {}}}")
    return Playbooks(inventory, "here", {"words": "hello"}, os.environ)


def playbook(directory: Path, command: str) -> str:
    file = directory / "play.yml"
    file.write_text(PLAY.format(command=command))
    return str(file)


def test_a_run_tells_how_it_ended(playbooks: Playbooks, tmp_path: Path) -> None:
    run = playbooks.run_well(playbook(tmp_path, "echo {{ words }} {{ more }}"), more="there")
    assert (run.succeeded, run.changed) == (True, 1)
    assert run.began < run.ended


def test_a_failure_is_an_error_with_all_that_was_printed(playbooks: Playbooks, tmp_path: Path) -> None:
    with pytest.raises(RehearsalError, match="non-zero return code"):
        playbooks.run_well(playbook(tmp_path, "ls /nowhere"))


def test_a_killed_run_leaves_no_process(playbooks: Playbooks, tmp_path: Path) -> None:
    """The worker and its command have a session of their own: a process group would leave them."""
    begun, ended = tmp_path / "begun", tmp_path / "ended"
    with playbooks.start(playbook(tmp_path, f"sh -c 'touch {begun}; sleep 3; touch {ended}'")) as run:
        deadline = time.monotonic() + 60
        while not begun.exists():
            assert run.runs, run.output
            assert time.monotonic() < deadline
            time.sleep(0.05)
        run.kill()
        assert not run.runs
        assert run.finish().changed is None
    time.sleep(3.5)  # As long as the command had to go.
    assert not ended.exists()


def test_an_orphan_in_a_session_of_its_own_is_found() -> None:
    marker = Marker()
    orphan = "import os, time; os.fork() and os._exit(0); os.setsid(); time.sleep(60)"
    subprocess.run([sys.executable, "-c", orphan], env={**os.environ, **marker.environment}, check=True)
    assert len(marker.processes()) == 1
    marker.kill()
    assert marker.processes() == []
