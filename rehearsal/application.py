"""Build contexts: the application of another revision, or a copy that differs in one thing."""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
from collections.abc import Mapping
from pathlib import Path

from rehearsal.environment import PROJECT
from rehearsal.errors import RehearsalError

APP = PROJECT / "app"


def of_revision(revision: str, directory: Path, clean: Mapping[str, str]) -> Path:
    """`app/` as it is in a git revision, in a directory of its own.

    :raises RehearsalError: git knows no such revision, or it has no app/.
    """
    # git refuses a checkout of somebody else's, unless it is told. After --end-of-options nothing is an option.
    git = ["git", "-C", str(PROJECT), "-c", f"safe.directory={PROJECT}"]
    archived = subprocess.run(
        [*git, "archive", "--format=tar", "--end-of-options", revision, "app"],
        env=dict(clean),
        capture_output=True,
        check=False,
    )
    if archived.returncode != 0:
        raise RehearsalError(f"FROM={revision}: {archived.stderr.decode('utf-8', 'replace').strip()}")
    directory.mkdir(parents=True, exist_ok=True)
    with tarfile.open(fileobj=io.BytesIO(archived.stdout)) as files:
        files.extractall(directory, filter="data")
    return directory / "app"


def copy(directory: Path) -> Path:
    """The working tree's application, in a directory of its own."""
    return shutil.copytree(APP, directory / "app", ignore=shutil.ignore_patterns("__pycache__"))


def altered(context: Path, old: str, new: str) -> Path:
    """Replace a text in the application's code.

    :raises RehearsalError: it is nowhere in it: the application is another than this was written for.
    """
    changed = 0
    for module in sorted(context.rglob("*.py")):
        text = module.read_text(encoding="utf-8")
        if old in text:
            module.write_text(text.replace(old, new), encoding="utf-8")
            changed += 1
    if not changed:
        raise RehearsalError(f"{context} has no {old!r} to be replaced.")
    return context


def labelled(context: Path, label: str) -> Path:
    """Change nothing but the image's name and digest: the same application becomes a release of its own."""
    with (context / "Dockerfile").open("a", encoding="utf-8") as recipe:
        recipe.write(f'\nLABEL rehearsal="{label}"\n')
    return context
