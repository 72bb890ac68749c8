"""Credentials, region and endpoint of the play, and nothing of them in the process."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.stub import Stubber
from cloudformation_stack.errors import StackError
from cloudformation_stack.options import ARGUMENT_SPEC, build
from cloudformation_stack.run import run
from cloudformation_stack.session import Clients, connection, warm_up
from cloudformation_stack.template import load

PLAY = {
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "AWS_ACCESS_KEY_ID": "000000000000",
    "AWS_SECRET_ACCESS_KEY": "dummy",
    "AWS_REGION": "us-east-1",
}


def test_the_play_comes_before_the_process() -> None:
    process = {
        "AWS_PROFILE": "production",
        "AWS_SESSION_TOKEN": "real",
        "AWS_REGION": "eu-west-1",
        "AWS_ENDPOINT_URL_CLOUDFORMATION": "https://elsewhere.example",
    }
    where = connection({}, PLAY, process)
    assert (where.profile, where.session_token, where.region) == (None, None, "us-east-1")
    assert where.endpoint_url == "http://127.0.0.1:9"
    assert where.service_endpoints == {}


def test_clients_of_another_region_are_the_same_caller_s() -> None:
    client = Clients(connection({}, PLAY, {})).in_region("eu-west-1")("dynamodb")
    assert (client.meta.region_name, client.meta.endpoint_url) == ("eu-west-1", "http://127.0.0.1:9")


def test_options_come_before_the_play() -> None:
    where = connection({"region": "eu-north-1", "endpoint_url": "http://127.0.0.1:8", "profile": "p"}, PLAY, {})
    assert (where.region, where.endpoint_url, where.profile) == ("eu-north-1", "http://127.0.0.1:8", "p")


def test_an_empty_value_clears_the_process_profile() -> None:
    assert connection({}, {"AWS_PROFILE": ""}, {"AWS_PROFILE": "production"}).profile is None


def test_secrets_are_not_in_its_text() -> None:
    assert "dummy" not in repr(connection({}, PLAY, {}))


def test_what_would_be_ignored_is_refused() -> None:
    with pytest.raises(StackError, match="AWS_WEB_IDENTITY_TOKEN_FILE"):
        connection({}, {"AWS_WEB_IDENTITY_TOKEN_FILE": "/token"}, {})


def test_a_client_uses_the_play_even_when_the_process_names_a_missing_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "not-there")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "real")
    before = dict(os.environ)
    warm_up()
    client = Clients(connection({}, PLAY, os.environ))("cloudformation")
    assert client.meta.endpoint_url == "http://127.0.0.1:9"
    assert client._request_signer._credentials.access_key == "000000000000"
    assert dict(os.environ) == before


def test_a_missing_region_is_one_sentence() -> None:
    arguments: dict[str, Any] = {name: spec.get("default") for name, spec in ARGUMENT_SPEC.items()}
    options = build(arguments | {"name": "demo", "state": "described"}, None, check=False)
    where = connection(
        {}, {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y", "AWS_CONFIG_FILE": "/nonexistent"}, {}
    )
    result = run(options, Clients(where), lambda line: None)
    assert result["failed"] is True
    assert "region" in result["msg"]


def test_expired_credentials_say_what_to_do() -> None:
    arguments: dict[str, Any] = {name: spec.get("default") for name, spec in ARGUMENT_SPEC.items()}
    options = build(arguments | {"name": "demo", "state": "described"}, None, check=False)
    clients = Clients(connection({}, PLAY, {}))
    with Stubber(clients("cloudformation")) as stub:
        stub.add_client_error("describe_stacks", "ExpiredToken", "The security token is expired")
        result = run(options, clients, lambda line: None)
    assert "run the same command again to attach" in result["msg"]


def test_requests_are_valid_for_botocore() -> None:
    arguments: dict[str, Any] = {name: spec.get("default") for name, spec in ARGUMENT_SPEC.items()}
    options = build(arguments | {"name": "demo", "state": "described"}, None, check=False)
    clients = Clients(connection({}, PLAY, {}))
    with Stubber(clients("cloudformation")) as stub:
        stub.add_response(
            "describe_stacks",
            {
                "Stacks": [
                    {
                        "StackName": "demo",
                        "StackStatus": "CREATE_COMPLETE",
                        "CreationTime": datetime(2026, 1, 1, tzinfo=UTC),
                        "StackId": "arn:1",
                        "Outputs": [{"OutputKey": "A", "OutputValue": "b"}],
                    }
                ]
            },
            {"StackName": "demo"},
        )
        result = run(options, clients, lambda line: None)
    assert result["outputs"] == {"A": "b"}
    assert result["exists"] is True
    assert result["last_operation"] == "2026-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("deployed", "same"), [("Resources: {A: {Type: X}}  # spaced", True), ("Resources: {}", False)]
)
def test_describing_compares_with_a_template(deployed: str, same: bool) -> None:
    arguments: dict[str, Any] = {name: spec.get("default") for name, spec in ARGUMENT_SPEC.items()}
    given = load("Resources:\n  A:\n    Type: X\n")
    options = build(arguments | {"name": "demo", "state": "described"}, given, check=False)
    clients = Clients(connection({}, PLAY, {}))
    stack = {
        "StackName": "demo",
        "StackId": "arn:aws:cloudformation:eu-north-1:000000000000:stack/demo/1",
        "CreationTime": datetime(2026, 11, 24, tzinfo=UTC),
        "StackStatus": "CREATE_COMPLETE",
    }
    with Stubber(clients("cloudformation")) as stub:
        stub.add_response("describe_stacks", {"Stacks": [stack]})
        stub.add_response(
            "get_template", {"TemplateBody": deployed}, {"StackName": "demo", "TemplateStage": "Original"}
        )
        result = run(options, clients, lambda line: None)
    assert (result["exists"], result["template_is_deployed"], result["changed"]) == (True, same, False)


def test_describing_a_stack_that_is_not_there_compares_nothing() -> None:
    arguments: dict[str, Any] = {name: spec.get("default") for name, spec in ARGUMENT_SPEC.items()}
    options = build(arguments | {"name": "demo", "state": "described"}, load("Resources: {}"), check=False)
    clients = Clients(connection({}, PLAY, {}))
    with Stubber(clients("cloudformation")) as stub:
        stub.add_client_error("describe_stacks", "ValidationError", "Stack with id demo does not exist")
        result = run(options, clients, lambda line: None)
    assert (result["exists"], result["template_is_deployed"]) == (False, False)
