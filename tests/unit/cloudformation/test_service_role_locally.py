"""The local cloud judges a service role by calls that the resource types' own schemas list."""

import pytest
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER  # type: ignore[import-untyped]

from localcloud.control_plane.cloudformation.service_role_calls import CALLS
from tests.unit.cloudformation.permissions import TYPES


@pytest.mark.parametrize("kind", CALLS)
def test_each_call_is_in_the_schema_of_its_type(kind: str) -> None:
    handlers = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema["handlers"]
    for operation in ("create", "update", "delete"):
        action = getattr(CALLS[kind], operation)
        assert action in (handlers.get(operation, {}).get("permissions") or [""]) or not action, operation


def test_every_type_that_is_applied_with_the_role_is_judged() -> None:
    assert set(TYPES) - set(CALLS) == set()
