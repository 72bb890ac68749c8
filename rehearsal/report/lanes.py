"""What was done, as bars on the page's time axis: instances, weights, refreshes, stacks, alarms."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from rehearsal.record.observation import Sample
from rehearsal.report.axis import Axis, clock
from rehearsal.report.charts import styles
from rehearsal.report.verdict import ACTIVE
from rehearsal.story import Story


@dataclass(frozen=True)
class Bar:
    """From `left`, `width` wide, in percent. `title` says all of it in words."""

    left: float
    width: float
    style: str
    title: str
    text: str = ""


@dataclass(frozen=True)
class Lane:
    """One row; `under` are thinner bars below the others."""

    name: str
    note: str
    bars: Sequence[Bar]
    under: Sequence[Bar] = ()


def stretches(states: Iterable[tuple[float, str]], end: float) -> Iterator[tuple[float, float, str]]:
    """Join equal states that follow each other: (begin, end, state); each lasts until the next is seen."""
    begin, current = 0.0, ""
    for at, state in states:
        if state != current:
            if current:
                yield begin, at, current
            begin, current = at, state
    if current:
        yield begin, end, current


class Lanes:
    """All lanes of a story."""

    def __init__(self, story: Story, axis: Axis) -> None:
        self._story, self._axis = story, axis
        self._samples = story.observations.samples
        self._styles = styles(story)

    def _bar(self, begin: float, end: float, style: str, what: str, text: str = "") -> Bar:
        axis = self._axis
        left, right = axis.percent(begin), axis.percent(end)
        zero = axis.zero
        return Bar(left, round(right - left, 3), style, f"{what}, {clock(begin - zero)} to {clock(end - zero)}", text)

    def instances(self) -> list[Lane]:
        """Each instance in the order of appearance: its life in the group, and below it what its target group says."""
        first = {name: sample for sample in reversed(self._samples) for name in sample.instances}
        lanes = []
        for name in sorted(first, key=lambda name: first[name].at):
            instance = first[name].instances[name]
            release = self._story.observations.releases.get(f"{instance.colour}/{instance.version}", "")
            style = self._styles.get(release, "other")
            # Of the last moment at which it was there; a target may outlive its instance's place in the group.
            life = stretches(((sample.at, _life(sample, name)) for sample in self._samples), self._axis.last)
            health = stretches(
                ((sample.at, sample.targets.get(name, "absent")) for sample in self._samples), self._axis.last
            )
            lanes.append(
                Lane(
                    name=f"…{name[-6:]}",
                    note=release[:7] or f"version {instance.version}",
                    bars=[
                        self._bar(
                            begin, end, f"{style} {_kind(state)}", f"{name}, release {release or 'unknown'}: {state}"
                        )
                        for begin, end, state in life
                        if state != "absent"
                    ],
                    under=[
                        self._bar(begin, end, f"target {state}", f"{name} as a target: {state}")
                        for begin, end, state in health
                        if state != "absent"
                    ],
                )
            )
        return lanes

    def refreshes(self) -> list[Lane]:
        colours = sorted({refresh.colour for sample in self._samples for refresh in sample.refreshes})
        return [Lane("refresh", colour, self._refresh_bars(colour)) for colour in colours]

    def _refresh_bars(self, colour: str) -> list[Bar]:
        def state(sample: Sample) -> str:
            for refresh in sample.refreshes:
                if refresh.colour == colour:
                    return f"{refresh.identity} {refresh.status}"
            return "absent"

        bars = []
        for begin, end, found in stretches(((sample.at, state(sample)) for sample in self._samples), self._axis.last):
            status = found.rpartition(" ")[2]
            # The end of one that is over lasts for ever, and is told by the end of its bar.
            if status in ACTIVE:
                bars.append(self._bar(begin, end, f"refresh {status.lower()}", f"instance refresh {status}", status))
        return bars

    def weights(self) -> list[Lane]:
        """Where requests are sent: one bar for each split of the traffic."""
        shares = ((sample.at, _shares(sample.weights)) for sample in self._samples)
        bars = [
            self._bar(begin, end, "weight", f"weights: {text}", text)
            for begin, end, text in stretches(shares, self._axis.last)
        ]
        return [Lane("weights", "", bars)] if bars else []

    def stacks(self) -> list[Lane]:
        """Each stack's operations, and the moments of its events."""
        lanes = []
        events = self._story.observations.events
        for stack in dict.fromkeys(event.stack for event in events):
            own = [event for event in events if event.stack == stack]
            states = [(event.at, event.status) for event in own if event.of_the_stack]
            bars = [
                self._bar(begin, end, _outcome(status), f"{stack}: {status}", _words(status))
                for begin, end, status in stretches(states, self._axis.last)
                if status.endswith(("IN_PROGRESS", "FAILED"))
            ]
            marks = [
                Bar(
                    self._axis.percent(event.at),
                    0,
                    f"mark {_outcome(event.status)}",
                    f"{clock(event.at - self._axis.zero)} {event.resource}: {event.status} {event.reason}".strip(),
                )
                for event in own
            ]
            lanes.append(Lane(stack.partition("-")[2].partition("-")[2] or stack, "stack", bars, marks))
        return lanes

    def notes(self) -> list[Lane]:
        """What was done from outside."""
        notes = self._story.observations.notes
        bars = [
            Bar(self._axis.percent(note.at), 0, "note", f"{clock(note.at - self._axis.zero)} {note.what}", note.what)
            for note in notes
        ]
        return [Lane("done to it", "", bars)] if bars else []

    def alarms(self) -> list[Lane]:
        """Each alarm; only those that leave OK at some time are worth a row of their own."""
        names = sorted({name for sample in self._samples for name in sample.alarms})
        lanes, quiet = [], []
        for name in names:
            states = [(sample.at, sample.alarms.get(name, "absent")) for sample in self._samples]
            if {state for _, state in states} <= {"OK", "absent"}:
                quiet.append(name)
                continue
            bars = [
                self._bar(
                    begin, end, f"alarm {state.lower()}", f"alarm {name}: {state}", state if state == "ALARM" else ""
                )
                for begin, end, state in stretches(states, self._axis.last)
                if state != "absent"
            ]
            lanes.append(Lane(name.partition("-")[2].partition("-")[2] or name, "alarm", bars))
        if quiet and self._samples:
            bar = self._bar(self._axis.first, self._axis.last, "alarm ok", f"OK all the time: {', '.join(quiet)}")
            lanes.append(Lane(f"{len(quiet)} alarms" if len(quiet) > 1 else "1 alarm", "always OK", [bar]))
        return lanes


def _life(sample: Sample, name: str) -> str:
    instance = sample.instances.get(name)
    if instance is None:
        return "absent"
    return instance.state if instance.health == "Healthy" else f"{instance.state}, {instance.health}"


def _kind(state: str) -> str:
    if state.endswith("Unhealthy"):
        return "unhealthy"
    if state.startswith("Pending"):
        return "starting"
    return "leaving" if state.startswith("Terminat") else "serving"


def _shares(weights: Mapping[str, int]) -> str:
    total = sum(weights.values())
    return (
        ", ".join(f"{colour} {100 * weight // total} %" for colour, weight in weights.items() if weight)
        if total
        else "none"
    )


def _outcome(status: str) -> str:
    return "bad" if "ROLLBACK" in status or "FAILED" in status else "fine"


def _words(status: str) -> str:
    return status.replace("_", " ").lower().replace(" in progress", "")
