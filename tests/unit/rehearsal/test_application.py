"""Build contexts: another revision's application, and copies that differ in what they should."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rehearsal import application
from rehearsal.environment import PROJECT
from rehearsal.errors import RehearsalError
from rehearsal.scenarios.applications import Applications


def test_a_revisions_application_is_what_git_has(tmp_path: Path) -> None:
    context = application.of_revision("HEAD", tmp_path, os.environ)
    listed = subprocess.run(
        ["git", "-c", f"safe.directory={PROJECT}", "ls-tree", "-r", "--name-only", "HEAD", "app"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert sorted(str(file.relative_to(tmp_path)) for file in context.rglob("*") if file.is_file()) == sorted(listed)


@pytest.mark.parametrize("revision", ["no-such-revision", "--output=/tmp/x", "HEAD:roles"])
def test_what_is_no_revision_is_refused_by_its_name(revision: str, tmp_path: Path) -> None:
    with pytest.raises(RehearsalError, match=f"FROM={revision}"):
        application.of_revision(revision, tmp_path, os.environ)


def test_a_label_changes_the_recipe_and_nothing_else(tmp_path: Path) -> None:
    context = application.labelled(application.copy(tmp_path), "before")
    differing = [
        str(file.relative_to(context))
        for file in context.rglob("*")
        if file.is_file() and file.read_bytes() != (application.APP / file.relative_to(context)).read_bytes()
    ]
    assert differing == ["Dockerfile"]
    assert (context / "Dockerfile").read_text().endswith('\nLABEL rehearsal="before"\n')


def test_an_alteration_that_finds_nothing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RehearsalError, match="has no 'never there'"):
        application.altered(application.copy(tmp_path), "never there", "x")


ASK = """
import sys
from hello import create_app
client = create_app({"APP_RELEASE": "r"}).test_client()
print(client.get("/").status_code, client.get("/healthz").status_code)
"""


@pytest.mark.parametrize(
    ("kind", "statuses"), [("good", "200 200"), ("never_healthy", "200 404"), ("answers_500", "500 200")]
)
def test_a_bad_application_is_bad_in_one_way(kind: str, statuses: str, tmp_path: Path) -> None:
    applications = Applications(tmp_path)
    context = applications.good("good") if kind == "good" else getattr(applications, kind)()
    asked = subprocess.run([sys.executable, "-c", ASK], cwd=context, capture_output=True, text=True, check=True)
    assert asked.stdout.strip() == statuses


def test_one_that_turns_bad_is_good_at_first(tmp_path: Path) -> None:
    context = Applications(tmp_path).turns_bad(60 / 120)
    later = ASK + "import time; time.sleep(0.6); print(client.get('/').status_code, client.get('/healthz').status_code)"
    asked = subprocess.run([sys.executable, "-c", later], cwd=context, capture_output=True, text=True, check=True)
    assert asked.stdout.split("\n")[:2] == ["200 200", "500 200"]
