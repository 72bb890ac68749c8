"""Action: check every variable of every role before anything is changed."""

from __future__ import annotations

import contextlib
import importlib.util
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase
from ansible.plugins.loader import filter_loader, test_loader
from ansible.template import trust_as_template
from ansible.utils.vars import load_extra_vars

ROLE = Path(__file__).resolve().parent.parent
ROLES = ROLE.parent

# The stack role's package reads templates.
sys.path.append(str(ROLES / "stack" / "module_utils"))

# Ansible loads this class before it forks a process for each task: the filters and tests that it collects now, no
# process collects again.
filter_loader.get("bool")
test_loader.get("defined")


def _python(name: str) -> ModuleType:
    # Ansible puts a role's Python on no import path for action plugins, so it is loaded by its place.
    spec = importlib.util.spec_from_file_location(f"preflight_{name}", ROLE / "python" / f"{name}.py")
    if spec is None or spec.loader is None:
        raise AnsibleError(f"{ROLE}/python/{name}.py is missing.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def _names(host: Mapping[str, Any], made_of: Iterable[str]) -> dict[str, Any]:
    """What a host's names are made of. One that cannot be resolved is told when it is that host's turn."""
    found: dict[str, Any] = {}
    for name in made_of:
        with contextlib.suppress(AnsibleError):
            found[name] = host.get(name)
    return found


class ActionModule(ActionBase):  # type: ignore[misc]
    """Takes no arguments, changes nothing, and fails with one sentence for each finding."""

    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        variables = task_vars or {}
        specifications, rules, constraints = map(_python, ("specifications", "rules", "constraints"))
        roles = specifications.load(
            ROLES, lambda path: self._loader.load_from_file(str(path), trusted_as_template=True)
        )
        sources = specifications.Sources(
            [Path(path) for path in variables.get("ansible_inventory_sources", [])],
            command_line=load_extra_vars(self._loader),
        )

        findings = specifications.unknown_names(roles, variables)
        values: dict[str, Any] = {}
        for name, given in specifications.given(roles, variables).items():
            try:
                values[name] = self._templar.template(given)
            except AnsibleError as error:
                findings.append((name, f"{name} cannot be resolved: {error}"))
        findings += specifications.wrong_values(roles, values)
        if not findings:
            for module in (rules, *map(_python, ("alarm_rules", "application_rules"))):
                findings += module.broken(values)
            # All of the inventory, whatever this run is limited to: what has the same name is there all the same.
            names = variables["groups"].get("targets", [])
            targets = {name: _names(variables["hostvars"][name], rules.MADE_OF) for name in names}
            if variables["inventory_hostname"] in targets:
                findings += rules.shared_name(variables["inventory_hostname"], targets)
            templar = self._templar.copy_with_new_env(available_variables=values)
            findings += constraints.broken(
                constraints.uses(ROLES, ROLES.parent / "cloudformation", values),
                values,
                resolve=lambda expression: templar.template(trust_as_template(expression)),
                passed_over={name for name, _ in findings},
            )

        result["changed"] = False
        if findings:
            result["failed"] = True
            result["msg"] = "\n".join(f"{sentence} [{sources.place(name)}]" for name, sentence in findings)
        return result
