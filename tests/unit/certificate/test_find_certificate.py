"""Which of an account's certificates is the environment's."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest
from botocore import session
from botocore.stub import Stubber

FILE = Path(__file__).resolve().parents[3] / "roles" / "certificate" / "action_plugins" / "find_certificate.py"
ARN = "arn:aws:acm:eu-north-1:000000000000:certificate/00000000-0000-0000-0000-00000000000{}"


@pytest.fixture
def action() -> Any:
    spec = importlib.util.spec_from_file_location("find_certificate", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def acm() -> Any:
    keys = {"aws_access_key_id": "x", "aws_secret_access_key": "y"}
    return session.Session().create_client("acm", region_name="eu-north-1", endpoint_url="http://127.0.0.1:9", **keys)


def test_it_is_found_by_its_name_and_no_further_one_is_asked_about(action: Any) -> None:
    client = acm()
    with Stubber(client) as stub:
        stub.add_response(
            "list_certificates",
            {"CertificateSummaryList": [{"CertificateArn": ARN.format(number)} for number in range(4)]},
            {"Includes": {"keyTypes": ["EC_prime256v1"]}},
        )
        stub.add_client_error("list_tags_for_certificate", "ResourceNotFoundException", "deleted meanwhile")
        stub.add_response("list_tags_for_certificate", {"Tags": [{"Key": "Name", "Value": "hello-production"}]})
        stub.add_response("list_tags_for_certificate", {"Tags": [{"Key": "Name", "Value": "hello-staging"}]})
        assert action.find(client, "hello-staging") == {"CertificateArn": ARN.format(2)}
        stub.assert_no_pending_responses()


def test_there_may_be_none(action: Any) -> None:
    client = acm()
    with Stubber(client) as stub:
        stub.add_response("list_certificates", {"CertificateSummaryList": []})
        assert action.find(client, "hello-staging") == {}
