"""Why an operation failed: the first failing resource and its reason, not the cascade it set off."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .text import clean, clean_line
from .watch import Event

# What CloudFormation writes on resources that stop because another one failed.
_CASCADE = (
    "resource creation cancelled",
    "resource update cancelled",
    "resource deletion cancelled",
    "the following resource(s) failed to",
    "cancelled by user",
)


@dataclass(frozen=True)
class Console:
    """What an instance wrote to its console, or why that cannot be shown."""

    instance_id: str
    lines: tuple[str, ...]


Consoles = Callable[[Event], list[Console]]


@dataclass(frozen=True)
class Explanation:
    """The root cause; `event` is None when the events hold none."""

    event: Event | None
    consoles: tuple[Console, ...] = ()

    @property
    def sentence(self) -> str:
        if self.event is None:
            return "No event says why."
        reason = clean(self.event.reason) or "no reason given"
        text = f"{self.event.logical_id} ({self.event.type}) {self.event.status}: {reason}"
        return text if text.endswith((".", "!", "?")) else f"{text}."

    def lines(self) -> list[str]:
        """Sentence and consoles, one line each."""
        found = [self.sentence]
        for console in self.consoles:
            found.append(f"Console of {console.instance_id}:")
            found += [f"  {clean_line(line)}" for line in console.lines]
        return found


def root_cause(events: Sequence[Event]) -> Event | None:
    """The first failure of an operation that is no consequence of another one.

    When no resource failed, it is the stack's own word: a rollback trigger's alarm, or a cancelled update.
    """
    failed = [event for event in events if event.status.endswith("_FAILED") and not _is_cascade(event)]
    for event in failed:
        if not event.of_stack:
            return event
    for event in events:
        if event.of_stack and event.reason and ("ROLLBACK" in event.status or event.status.endswith("_FAILED")):
            return event
    return failed[0] if failed else None


def explain(events: Sequence[Event], consoles: Consoles | None = None) -> Explanation:
    """The root cause with the consoles of the instances behind it."""
    event = root_cause(events)
    if event is None or consoles is None:
        return Explanation(event)
    return Explanation(event, tuple(consoles(event)))


def failed_resources(events: Sequence[Event]) -> list[str]:
    """Logical ids whose last word in an operation is a failure, in the order of failing."""
    last: dict[str, Event] = {}
    for event in events:
        if not event.of_stack:
            last[event.logical_id] = event
    return [logical_id for logical_id, event in last.items() if event.status.endswith("_FAILED")]


def _is_cascade(event: Event) -> bool:
    reason = event.reason.lower()
    return any(mark in reason for mark in _CASCADE)
