from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError  # type: ignore[import-untyped, unused-ignore]

from localcloud.settings import Settings
from tests.cloud import ACCOUNT, aws_client
from tests.contract.control_plane import free_port, serving
from tests.contract.stacks.fleet import ALARMS, Template
from tests.waiting import eventually


@pytest.fixture(scope="session")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    settings = Settings(tmp_path_factory.mktemp("stacks"), port=free_port())
    with serving(Path(__file__).with_name("server.py"), settings) as endpoint:
        yield endpoint


@pytest.fixture
def client(endpoint: str) -> Any:
    """client(service) as the account's root user."""

    def make(service: str, key: str = ACCOUNT, secret: str = "secret", token: str | None = None) -> Any:
        return aws_client(
            endpoint, service, aws_access_key_id=key, aws_secret_access_key=secret, aws_session_token=token
        )

    return make


@pytest.fixture
def alarms(settings: Settings) -> Any:
    """alarms(name=state) sets those of the cloud whose settings the test's module has; at first `errors` is OK."""

    def set_states(**states: str) -> None:
        draft = settings.state_dir / "alarms.new"
        draft.write_text(json.dumps(states))
        draft.replace(settings.state_dir / ALARMS)

    set_states(errors="OK")
    return set_states


@pytest.fixture
def stack(client: Any) -> Any:
    """apply(template, **parameters) → final status; everything is deleted afterwards.

    `meanwhile` is called again and again until the stack has settled.
    """
    api = client("cloudformation")

    def settled() -> Any:
        found = api.describe_stacks(StackName="fleet-stack")["Stacks"][0]
        return None if found["StackStatus"].endswith("IN_PROGRESS") else found

    def apply(
        body: Template, update: bool = False, meanwhile: Callable[[], Any] = lambda: None, **parameters: str
    ) -> Any:
        change = api.update_stack if update else api.create_stack
        change(
            StackName="fleet-stack",
            TemplateBody=json.dumps(body),
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        )
        return eventually(lambda: meanwhile() or settled(), seconds=30)

    yield apply
    try:
        api.delete_stack(StackName="fleet-stack")
        api.get_waiter("stack_delete_complete").wait(
            StackName="fleet-stack", WaiterConfig={"Delay": 1, "MaxAttempts": 20}
        )
    except ClientError:
        pass
