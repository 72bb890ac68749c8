"""An environment that is deployed on a local cloud, and what happens to it under load."""

from __future__ import annotations

import http.client
import json
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from rehearsal import inventory
from rehearsal.cloud import Cloud
from rehearsal.inventory import Inventory
from rehearsal.load import process
from rehearsal.load.plan import MOST_SECONDS, Plan
from rehearsal.playbook import Playbooks, Run
from rehearsal.record.questions import COLOURS, Environment
from rehearsal.record.recorder import Recorder
from rehearsal.story import Story

# Load alone, before and after: what "as before" and "as after" are measured by.
LEAD_SECONDS = 15.0
# Of real time; a slow request must be over when the (scaled) draining of its instance is.
_SLOW_SECONDS = 2.0
_VERSION_QUESTIONS = 20


@dataclass(frozen=True)
class Stage:
    """One environment on one cloud."""

    cloud: Cloud
    inventory: Inventory
    playbooks: Playbooks
    rate: float
    lead_seconds: float = LEAD_SECONDS

    @cached_property
    def environment(self) -> Environment:
        return Environment(self.cloud.client, self.inventory.app_name, self.inventory.env_name)

    @cached_property
    def host(self) -> str:
        return self.environment.outputs("load-balancer")["LoadBalancerDnsName"]

    @cached_property
    def certificate(self) -> Path:
        file = self.cloud.directory / f"{self.inventory.env_name}.pem"
        file.write_text(self.environment.certificate(), encoding="utf-8")
        return file

    def answer(self, path: str) -> tuple[int, str]:
        """Status and text of one verified HTTPS request."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(self.certificate)
        connection = http.client.HTTPSConnection(self.host, timeout=15, context=context)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    @property
    def live_colour(self) -> str:
        """The colour that gets most of the traffic."""
        weights = self.environment.sample(time.time()).weights
        return max(COLOURS, key=lambda colour: weights[colour])

    @property
    def release(self) -> str:
        """What the live fleet's stack says is deployed."""
        return self.environment.parameters(f"fleet-{self.live_colour}")["Release"]

    def answering_releases(self) -> frozenset[str]:
        """What /version says, asked often enough to come to every instance."""
        answers = (self.answer("/version") for _ in range(_VERSION_QUESTIONS))
        return frozenset(str(json.loads(text)["release"]) for status, text in answers if status == 200)

    def plan(self) -> Plan:
        seconds = min(_SLOW_SECONDS, self.environment.draining_seconds() / self.cloud.terms.time_scale / 3)
        slow = f"/exercise/slow?seconds={seconds:.2f}"
        # An application of the user's own need not have the routes.
        has_slow = self.answer("/exercise/slow?seconds=0")[0] == 200
        return Plan(f"https://{self.host}", self.certificate, self.rate, MOST_SECONDS, slow_paths=[slow] * has_slow)

    def under_load(self, title: str, action: Callable[[Recorder], Run], wanted: str | None = None) -> Story:
        """Do something while requests come and everything is recorded.

        :param wanted: release that must serve afterwards; None: whatever the live fleet's stack says then.
        """
        before = self.release
        with (
            process.running(self.plan(), self.cloud.directory, self.cloud.environment) as load,
            Recorder(self.environment) as recorder,
        ):
            time.sleep(self.lead_seconds)
            began = time.time()
            run = action(recorder)
            ended = time.time()
            time.sleep(self.lead_seconds)
            answering = self.answering_releases()
        return Story(
            title=title,
            environment=self.inventory.env_name,
            time_scale=self.cloud.terms.time_scale,
            began=began,
            ended=ended,
            succeeded=run.succeeded,
            release_before=before,
            release_wanted=self.release if wanted is None else wanted,
            output=run.output,
            release_answers=answering,
            requests=load.requests(),
            observations=recorder.observations(),
        )


def deploy(cloud: Cloud, name: str, context: Path, rate: float, variables: Mapping[str, Any]) -> Stage:
    """Deploy the environment of `inventories/<name>` with this application, by site.yml.

    :param variables: win over the inventory's.
    :raises RehearsalError: it failed, with everything that it printed.
    """
    found = inventory.read(name, cloud.environment)
    found = replace(found, variables={**found.variables, **variables})
    given = {**inventory.local_variables(found, cloud), **variables}
    playbooks = Playbooks(found.path, found.host, given, cloud.environment)
    playbooks.run_well("site.yml", image_context=str(context))
    return Stage(cloud, found, playbooks, rate)
