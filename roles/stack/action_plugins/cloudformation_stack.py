"""Runs the cloudformation_stack task in the controller's own process (options: library/cloudformation_stack.py).

A module answers once, when it is done. Events that are shown while a stack changes, on a terminal and in AWX
alike, need Ansible's own Display, which only a plugin in the controller reaches.
"""

from __future__ import annotations

import importlib.util
import io
import os
import sys
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

_PACKAGE = "cloudformation_stack"


def _load_package() -> None:
    """Make the role's package importable: Ansible hands module_utils of a role to modules only."""
    if _PACKAGE in sys.modules:
        return
    folder = Path(__file__).resolve().parent.parent / "module_utils" / _PACKAGE
    spec = importlib.util.spec_from_file_location(
        _PACKAGE, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    if spec is None or spec.loader is None:
        raise AnsibleError(f"{folder} is missing")
    package = importlib.util.module_from_spec(spec)
    sys.modules[_PACKAGE] = package
    spec.loader.exec_module(package)


_load_package()

from cloudformation_stack import options as stack_options  # noqa: E402
from cloudformation_stack import session as stack_session  # noqa: E402
from cloudformation_stack import template as stack_template  # noqa: E402
from cloudformation_stack.errors import StackError  # noqa: E402
from cloudformation_stack.run import run as run_stack  # noqa: E402

# Ansible loads this class in its main process before it forks a worker for each task: what is read now, no
# worker reads again.
stack_session.warm_up()

# Into a pipe Python writes whole blocks: the events of a wait would all come at its end.
if isinstance(sys.stdout, io.TextIOWrapper):
    sys.stdout.reconfigure(line_buffering=True)


def _native(node: Any) -> Any:
    """The node in exact built-in types: Ansible's strings remember their origin, and libyaml refuses a subclass."""
    if isinstance(node, str):
        return str.__str__(node)
    if isinstance(node, dict):
        return {_native(key): _native(value) for key, value in node.items()}
    if isinstance(node, (list, tuple)):
        return [_native(item) for item in node]
    return node


class ActionModule(ActionBase):  # type: ignore[misc]  # Ansible ships no types
    """The action; see library/cloudformation_stack.py for its documentation."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True
    _supports_async = False
    _supports_diff = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Validate the options, find credentials, run, and shape the result for --diff."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, arguments = self.validate_argument_spec(
            argument_spec=stack_options.ARGUMENT_SPEC,
            mutually_exclusive=[("template", "template_body")],
        )
        arguments = _native(arguments)
        play: dict[str, Any] = {}
        self._compute_environment_string(play)
        play = _native(play)
        try:
            options = stack_options.build(arguments, self._template(arguments), check=self._task.check_mode)
            where = stack_session.connection(arguments, play, os.environ)
            found = run_stack(options, stack_session.Clients(where), Display().display)
        except StackError as error:
            found = {"failed": True, "msg": error.message, "changed": False, **error.details}
        result.update(found)
        text = found.get("plan_text")
        if text and (self._task.diff or self._task.check_mode):
            result["diff"] = {"prepared": "\n".join(text) + "\n"}
        return result

    def _template(self, arguments: dict[str, Any]) -> stack_template.Template | None:
        """The template at hand, read on the controller; relative paths start at the playbook's folder."""
        body = arguments.get("template_body")
        if arguments.get("template"):
            path = Path(self._loader.path_dwim(arguments["template"]))
            try:
                body = path.read_text(encoding="utf-8")
            except OSError as error:
                raise StackError(f"The template {path} cannot be read: {error.strerror}") from error
        return stack_template.load(body) if body else None
