"""The rehearsal of one release: what `make rehearse` does."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rehearsal import application, stage
from rehearsal.cloud import Cloud
from rehearsal.environment import PROJECT
from rehearsal.report.page import write
from rehearsal.report.verdict import verdict
from rehearsal.story import Story

REPORTS = PROJECT / "reports"


@dataclass(frozen=True)
class Wishes:
    """What the caller may choose."""

    rate: float
    release_strategy: str = ""
    """Empty: the inventory's."""


def before(revision: str, directory: Path, clean: Mapping[str, str]) -> Path:
    """The build context of what serves first, marked so that it is never the same release as the working copy's.

    :param revision: of git; empty: the working copy's own application.
    :raises RehearsalError: there is no such revision.
    """
    context = application.of_revision(revision, directory, clean) if revision else application.copy(directory)
    return application.labelled(context, "before")


def rehearse(cloud: Cloud, name: str, context: Path, wishes: Wishes, say: Callable[[str], None]) -> int:
    """Deploy what serves before, release the working copy's application, write the report.

    :param context: of what serves before.
    :return: 0 when no request failed and the right release serves in the end, otherwise 1.
    """
    variables = {"release_strategy": wishes.release_strategy} if wishes.release_strategy else {}
    say("Deploying what serves before …")
    deployed = stage.deploy(cloud, name, context, wishes.rate, variables)
    say(f"Releasing the working copy's application under {wishes.rate:g} requests/s …")
    story = deployed.under_load("Release", lambda _: deployed.playbooks.run("playbooks/release.yml"))
    file = keep(story, "release")
    found = verdict(story)
    say("\n".join([found.headline, *found.sentences]))
    if not story.succeeded:
        say(f"playbooks/release.yml failed:\n{story.output}")
    elif story.release_before == story.release_wanted:
        say("Nothing was released: the same release serves as before.")
    say(f"Report: {file}")
    return 0 if found.good and story.succeeded and story.release_before != story.release_wanted else 1


def keep(story: Story, label: str) -> Path:
    """Write a story's page into reports/, under a name of its own."""
    moment = datetime.fromtimestamp(story.began, UTC).strftime("%Y%m%dT%H%M%SZ")
    words = re.sub(r"[^a-z0-9]+", "-", f"{story.environment} {label}".lower()).strip("-")
    return write(story, REPORTS / f"{words}-{moment}.html")
