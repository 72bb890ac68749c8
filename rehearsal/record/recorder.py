"""Samples an environment in a thread of its own until it is told to stop."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from botocore.exceptions import BotoCoreError, ClientError

from rehearsal.record.observation import Note, Observations, Sample
from rehearsal.record.questions import Environment

INTERVAL_SECONDS = 1.0
# Of the sentences about what could not be asked.
_MOST_GAPS = 20


class Recorder:
    """Records while its block runs."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._samples: list[Sample] = []
        self._releases: dict[str, str] = {}
        self._notes: list[Note] = []
        self._gaps: list[str] = []
        self._stop = threading.Event()
        self._began = time.time()
        self._thread = threading.Thread(target=self._record, name="recorder", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def newest(self) -> Sample | None:
        return self._samples[-1] if self._samples else None

    @property
    def samples(self) -> Sequence[Sample]:
        """What was seen so far, in order of time."""
        return tuple(self._samples)

    def note(self, at: float, what: str) -> None:
        """Write down what no API tells; `at` in Unix time."""
        self._notes.append(Note(at, what))

    def _record(self) -> None:
        due = time.monotonic()
        while not self._stop.wait(max(0.0, due - time.monotonic())):
            # A question that took longer than the interval is followed by the next, not by several at once.
            due = max(due + INTERVAL_SECONDS, time.monotonic())
            self._look()
        self._look()

    def _look(self) -> None:
        try:
            sample = self._environment.sample(time.time())
            self._samples.append(sample)
            for instance in sample.instances.values():
                key = f"{instance.colour}/{instance.version}"
                if instance.version and key not in self._releases:
                    self._releases[key] = self._environment.release_of(instance.colour, instance.version)
        except (BotoCoreError, ClientError, KeyError, ValueError) as error:
            if len(self._gaps) < _MOST_GAPS:
                self._gaps.append(f"{time.time():.0f} {type(error).__name__}: {error}")

    def observations(self) -> Observations:
        """What was seen; to be asked when the block is over."""
        # They come newest first, several of one moment: sorting leaves those as they are, so they are turned first.
        events = list(self._environment.events(self._began))
        events.reverse()
        events.sort(key=lambda event: event.at)
        return Observations(self._samples, events, self._releases, self._notes, self._gaps)
