"""What the actions share that ask AWS in the controller's own process (docs/decisions/0005)."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, ClassVar

from ansible.plugins.action import ActionBase

from . import session
from .errors import StackError


class ControllerAction(ActionBase):  # type: ignore[misc]  # Ansible ships no types
    """An action that sends nothing to a host: validated options in, `act`, fields of the result out."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True
    _supports_async = False

    ARGUMENTS: ClassVar[Mapping[str, Any]] = {}
    """The argument spec."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, options = self.validate_argument_spec(argument_spec=dict(self.ARGUMENTS))
        try:
            result.update(self.act(options))
        except StackError as error:
            result.update(failed=True, msg=error.message)
        return result

    def act(self, options: dict[str, Any]) -> dict[str, Any]:
        """What the task's result gets. Raises StackError for what the operator is to be told."""
        raise NotImplementedError

    def play_environment(self) -> dict[str, Any]:
        """The `environment:` of the task and of everything around it."""
        found: dict[str, Any] = {}
        self._compute_environment_string(found)
        return found

    def clients(self, region: str | None = None) -> session.Clients:
        """Clients as whom and for where the play says; `region` wins over its own."""
        return session.Clients(session.connection({"region": region}, self.play_environment(), os.environ))


def ask(client: Any, operation: str, arguments: Mapping[str, Any], missing: Collection[str] = ()) -> dict[str, Any]:
    """All pages of an answer, in the types that Ansible passes on.

    :param missing: error codes that mean that it is not there; the answer is empty then.
    :raises StackError: AWS refused, or was not reached.
    """
    from botocore import exceptions  # noqa: PLC0415  # after the session has said that it is missing

    service = client.meta.service_model.service_name
    try:
        if client.can_paginate(operation):
            answer = client.get_paginator(operation).paginate(**arguments).build_full_result()
        else:
            answer = getattr(client, operation)(**arguments)
    except exceptions.ClientError as error:
        if error.response["Error"]["Code"] in missing:
            return {}
        raise StackError(f"{service} {operation}: {error}") from error
    except exceptions.BotoCoreError as error:
        raise StackError(f"{service} {operation}: {error}") from error
    answer.pop("ResponseMetadata", None)
    found: dict[str, Any] = plain(answer)
    return found


def plain(value: Any) -> Any:
    """An answer in the types that Ansible passes on: moments as ISO 8601 text, bytes as text."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value
