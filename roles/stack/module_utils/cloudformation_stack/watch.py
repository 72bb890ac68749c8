"""Shows the events of a stack operation as they happen, until it ends or its deadline passes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from .context import Context, Pace
from .errors import StackError, error_code
from .repair import SUCCESS

Progress = Callable[[list["Event"]], str | None]

# After this long without an event the watch says what it is waiting for.
SILENCE_SECONDS = 60.0
# A controller's network may fail for a moment while AWS goes on; botocore's own retries come first.
TOLERATED_FAILURES = 5


@dataclass(frozen=True)
class Event:
    """One stack event."""

    event_id: str
    moment: datetime
    logical_id: str
    physical_id: str
    type: str
    status: str
    reason: str
    token: str
    of_stack: bool

    @property
    def ends_operation(self) -> bool:
        """True for the stack's own event that no further one of the same operation follows."""
        return self.of_stack and not self.status.endswith("_IN_PROGRESS")

    def line(self, stack: str) -> str:
        """`21:04:05Z hello-local-network Vpc CREATE_COMPLETE reason`"""
        moment = self.moment.astimezone(UTC)
        return f"{moment:%H:%M:%SZ} {stack} {self.logical_id} {self.status} {self.reason}"


@dataclass(frozen=True)
class Outcome:
    """How an operation ended; events in the order in which they happened."""

    status: str
    events: tuple[Event, ...]
    seconds: float

    @property
    def succeeded(self) -> bool:
        return self.status in SUCCESS


def watch(ctx: Context, stack_id: str, token: str | None, progress: Progress | None = None) -> Outcome:
    """Follow the running (or, without one, the last) operation of a stack to its end.

    `token` is the ClientRequestToken that the operation was started with; None attaches to whatever runs.
    Raises StackError when `timeout` passes. The operation itself goes on.
    """
    started = ctx.clock()
    spoken = started
    pace = Pace(ctx.options.poll_interval, ctx.sleep)
    seen: dict[str, Event] = {}
    said_progress: str | None = None
    failures = 0
    while True:
        ctx.beat()
        try:
            fresh = operation_events(ctx, stack_id, token, seen)
            failures = 0
        except Exception as error:  # a client error has a code, a lost connection has none
            failures += 1
            if error_code(error) or failures > TOLERATED_FAILURES:
                raise
            fresh = []
        for event in fresh:
            seen[event.event_id] = event
            ctx.say(event.line(ctx.options.name))
        ordered = list(seen.values())
        if ordered and ordered[-1].ends_operation:
            seconds = ctx.clock() - started
            ctx.say(f"{ctx.options.name}: {ordered[-1].status} after {seconds:.1f} s")
            return Outcome(ordered[-1].status, tuple(ordered), seconds)
        figure = progress(ordered) if progress else None
        news = bool(fresh)
        if figure and figure != said_progress:
            news = True
            ctx.say(f"{_now()} {ctx.options.name} {figure}")
            said_progress = figure
        now = ctx.clock()
        if news:
            spoken = now
            pace.hurry()
        elif now - spoken >= SILENCE_SECONDS:
            spoken = now
            ctx.say(_still_waiting(ctx, ordered, now - started))
        if now - started >= ctx.options.timeout:
            raise StackError(
                f"{ctx.options.name}: not finished after {ctx.options.timeout:.0f} s, the limit set by "
                f"{ctx.options.variable('timeout')}. {_waiting_for(ordered)}The operation goes on without us; run the "
                "same command again to attach to it.",
                status=_stack_status(ordered),
            )
        pace.wait()


def operation_events(ctx: Context, stack_id: str, token: str | None, known: Collection[str] = ()) -> list[Event]:
    """Events of the stack's latest operation, oldest first; [] while a token's first event is not there yet.

    Reads no further back than the first event whose id is `known`: a long operation has many pages.

    An operation is everything since the stack's own last event that is not *_IN_PROGRESS.
    """
    found: list[Event] = []
    arguments: dict[str, Any] = {"StackName": stack_id}
    while True:
        page = ctx.client.describe_stack_events(**arguments)
        for raw in page.get("StackEvents") or []:
            event = _event(raw)
            if event.event_id in known:
                return _of_token(found, token)
            if event.ends_operation and found:
                return _of_token(found, token)
            if event.ends_operation and token is not None and event.token != token:
                return []
            found.append(event)
        if not page.get("NextToken"):
            return _of_token(found, token)
        arguments["NextToken"] = page["NextToken"]


def _of_token(newest_first: list[Event], token: str | None) -> list[Event]:
    events = list(reversed(newest_first))
    if token is None:
        return events
    # A new stack's REVIEW_IN_PROGRESS belongs to its change set, and carries no token.
    return [event for event in events if event.token == token]


def _event(raw: Mapping[str, Any]) -> Event:
    physical = str(raw.get("PhysicalResourceId") or "")
    return Event(
        event_id=str(raw["EventId"]),
        moment=raw["Timestamp"],
        logical_id=str(raw.get("LogicalResourceId") or ""),
        physical_id=physical,
        type=str(raw.get("ResourceType") or ""),
        status=str(raw.get("ResourceStatus") or ""),
        reason=str(raw.get("ResourceStatusReason") or ""),
        token=str(raw.get("ClientRequestToken") or ""),
        of_stack=physical != "" and physical == raw.get("StackId"),
    )


def _unfinished(events: list[Event]) -> list[str]:
    latest: dict[str, Event] = {}
    for event in events:
        if not event.of_stack:
            latest[event.logical_id] = event
    return [
        f"{event.logical_id} ({event.status})" for event in latest.values() if event.status.endswith("_IN_PROGRESS")
    ]


def _waiting_for(events: list[Event]) -> str:
    names = _unfinished(events)
    return f"Waiting for {', '.join(names[:3])}. " if names else ""


def _still_waiting(ctx: Context, events: list[Event], elapsed: float) -> str:
    left = max(0.0, ctx.options.timeout - elapsed)
    what = _waiting_for(events) or "No resource is being changed (a monitoring time, or clean-up). "
    return f"{_now()} {ctx.options.name} {elapsed:.0f} s so far, {left:.0f} s left. {what}"


def _stack_status(events: list[Event]) -> str:
    return next((event.status for event in reversed(events) if event.of_stack), "")


def _now() -> str:
    return f"{datetime.now(UTC):%H:%M:%SZ}"
