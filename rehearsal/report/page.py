"""Puts the page together: one file, that refers to nothing outside itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from rehearsal.load.requests import Request
from rehearsal.report import charts, figures
from rehearsal.report.axis import Axis, clock
from rehearsal.report.lanes import Lane, Lanes
from rehearsal.report.verdict import during, milliseconds, verdict
from rehearsal.story import Story

# A table of thousands of failures tells no more than its beginning.
MOST_FAILURES = 200


@dataclass(frozen=True)
class Failure:
    """A row of the table of failed requests."""

    moment: str
    kind: str
    status: str
    path: str
    answered_by: str
    what: str
    detail: str


@dataclass(frozen=True)
class Group:
    """Lanes under one heading."""

    heading: str
    lanes: Sequence[Lane]


def render(story: Story) -> str:
    """The page as HTML."""
    first, last = figures.span(story)
    axis = Axis(first, last, story.began)
    data = figures.series(story)
    lanes = Lanes(story, axis)
    groups = [
        Group("Instances", lanes.instances()),
        Group("Accidents", lanes.notes()),
        Group("Traffic", lanes.weights()),
        Group("CloudFormation and Auto Scaling", [*lanes.stacks(), *lanes.refreshes()]),
        Group("Alarms", lanes.alarms()),
    ]
    lateness = sorted(request.lateness for request in story.requests)
    templates = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters["milliseconds"] = milliseconds
    return templates.get_template("page.html.j2").render(
        story=story,
        verdict=verdict(story),
        date=datetime.fromtimestamp(story.began, UTC),
        phases=figures.phases(story),
        charts=[charts.rates(story, data, axis), charts.latency(data, axis)],
        styles=charts.styles(story),
        groups=[group for group in groups if group.lanes],
        ticks=axis.ticks,
        began=axis.percent(story.began),
        ended=axis.percent(story.ended),
        failures=[_row(story, request) for request in story.failed[:MOST_FAILURES]],
        slow=sum(figures.is_slow(request) for request in story.requests),
        new_connections=sum(request.new_connection for request in story.requests),
        rate=len(story.requests) / (last - first),
        lateness=figures.percentile(lateness, 0.99),
        events=[(clock(event.at - story.began), event) for event in story.observations.events],
    )


def _row(story: Story, request: Request) -> Failure:
    return Failure(
        moment=clock(request.scheduled - story.began),
        kind=request.failure or "",
        status=str(request.status or "–"),
        path=request.path,
        answered_by=" ".join(filter(None, (request.instance, request.release))) or "nobody",
        what=during(story, request),
        detail=request.detail,
    )


def write(story: Story, file: Path) -> Path:
    """Write the page; half a page is never seen."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_suffix(".new")
    draft.write_text(render(story), encoding="utf-8")
    return draft.replace(file)
