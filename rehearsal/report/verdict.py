"""The verdict in words: what somebody who was not there must know."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from rehearsal.load.requests import Request
from rehearsal.report.axis import clock
from rehearsal.report.figures import phases
from rehearsal.story import Story

_KINDS = {
    "refused": "refused connections",
    "reset": "connections that ended without an answer",
    "truncated": "answers that ended too early",
    "timeout": "requests that were given up",
    "tls": "failed TLS handshakes",
    "5xx": "answers with a status of 500 or more",
    "unexpected": "answers with another status than 200",
    "other": "other errors",
}

ACTIVE = ("Pending", "InProgress", "Baking", "Cancelling", "RollbackInProgress")
"""Statuses of an instance refresh that is under way."""


@dataclass(frozen=True)
class Verdict:
    """`good`: nothing failed, and what should serve does."""

    good: bool
    headline: str
    sentences: tuple[str, ...]


def duration(seconds: float) -> str:
    """Such as `48 s` or `2 min 5 s`, in one piece on a line."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}\u00a0min {rest}\u00a0s" if minutes else f"{rest}\u00a0s"


def milliseconds(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    value = seconds * 1000
    return f"{value:.1f}\u00a0ms" if value < 10 else f"{value:,.0f}\u00a0ms"


def verdict(story: Story) -> Verdict:
    """Judge a story."""
    failed, total = len(story.failed), len(story.requests)
    good = not failed and story.final_version_ok
    headline = f"{failed:,} of {total:,} requests failed" if failed else f"None of {total:,} requests failed"
    if not story.final_version_ok:
        headline += ", and the wrong release serves"
    return Verdict(
        good, headline, tuple(filter(None, (_outcome(story), _accidents(story), _failures(story), _latency(story))))
    )


def _outcome(story: Story) -> str:
    took = f"It took {duration(story.ended - story.began)}"
    took += f", with time {story.time_scale:g} times faster than on AWS." if story.time_scale != 1 else "."
    final = " and ".join(sorted(story.final_releases)) or "nothing"
    if story.final_version_ok and story.release_wanted == story.release_before:
        failed = "" if story.succeeded else "The playbook failed, and "
        return f"{failed}{story.environment} is served by release {final} as before. {took}"
    if story.final_version_ok:
        return f"Release {final} has replaced {story.release_before} on {story.environment}. {took}"
    return f"{story.environment} is served by {final} in the end, and {story.release_wanted} should serve. {took}"


def _accidents(story: Story) -> str:
    return " ".join(f"At {clock(note.at - story.began)} {note.what}." for note in story.observations.notes)


def _failures(story: Story) -> str:
    if not story.failed:
        return ""
    counts = Counter(item.failure for item in story.failed if item.failure)
    kinds = ", ".join(f"{count:,} {_KINDS[kind]}" for kind, count in counts.most_common())
    moments = ", ".join(
        f"{count:,} {name}" for name, count in Counter(during(story, item) for item in story.failed).most_common()
    )
    answered = ", ".join(
        f"{count:,} by release {name}"
        for name, count in Counter(item.release for item in story.failed if item.release).most_common()
    )
    return f"The failures were {kinds}: {moments}." + (f" Answered {answered}." if answered else "")


def during(story: Story, request: Request) -> str:
    """What was going on when the request was due, as a reader would say it."""
    if request.scheduled < story.began:
        return "before anything began"
    if request.scheduled >= story.ended:
        return "after the end"
    stack = _stack_status(story, request.scheduled)
    seen = [sample for sample in story.observations.samples if sample.at <= request.scheduled]
    active = [refresh.status for refresh in seen[-1].refreshes if refresh.status in ACTIVE] if seen else []
    if active:
        return f"during the instance refresh {'back ' if 'ROLLBACK' in stack else ''}({active[0]})"
    return f"while the stack was {stack}" if stack.endswith("_IN_PROGRESS") else "while the playbook ran"


def _stack_status(story: Story, moment: float) -> str:
    """Status of the stack that changed last."""
    before = [event.status for event in story.observations.events if event.of_the_stack and event.at <= moment]
    return before[-1] if before else ""


def _latency(story: Story) -> str:
    before, during_it, after = phases(story)
    if before.p99 is None or during_it.p99 is None:
        return ""
    ratio = during_it.p99 / before.p99
    afterwards = (
        f" and {milliseconds(after.p99)} after" if after.p99 is not None else ", and nothing was answered after"
    )
    return (
        f"The slowest hundredth of requests took {milliseconds(before.p99)} or more before, "
        f"{milliseconds(during_it.p99)} during ({ratio:.2f} times as long){afterwards}."
    )
