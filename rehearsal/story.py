"""What happened to an environment and to its users, from a while before to a while after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from rehearsal.load.requests import Request
from rehearsal.record.observation import Observations

# Of the last answers, whose release is the one that serves.
_FINAL_SECONDS = 5.0


@dataclass(frozen=True)
class Story:
    """One release, rollback or accident under load. Moments are Unix time in seconds."""

    title: str
    environment: str
    time_scale: float
    began: float
    """When the playbook began; load ran before."""
    ended: float
    succeeded: bool
    """Whether the playbook ended with exit code 0."""
    release_before: str
    release_wanted: str
    """What must serve in the end."""
    release_answers: frozenset[str]
    """What /version said in the end: told apart from the headers, which an application of the user's own may lack."""
    output: str
    """Of the playbook."""
    requests: Sequence[Request]
    observations: Observations

    @cached_property
    def failed(self) -> list[Request]:
        return [request for request in self.requests if request.failed]

    @cached_property
    def final_releases(self) -> set[str]:
        """Every release that answered in the last seconds, by the headers of the load and by /version."""
        end = max((request.scheduled for request in self.requests), default=0.0)
        last = (request.release for request in self.requests if request.scheduled > end - _FINAL_SECONDS)
        return {*filter(None, last), *self.release_answers}

    @property
    def final_version_ok(self) -> bool:
        return self.final_releases == {self.release_wanted}
