"""What the roles say of their variables, and whether the values given agree."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

Finding = tuple[str, str]
"""The variable's name, and the sentence about it."""

# Prefixes of variables that belong to no single role; preflight's own specification holds them.
SHARED_PREFIXES = ("app", "env", "aws", "release", "teardown")
# Applied by the other roles, which give it its required values.
INTERNAL_ROLES = ("stack", "release_record")


@dataclass(frozen=True)
class Role:
    """One role's public options (from its argument_specs), defaults, and the names it keeps for itself."""

    name: str
    options: Mapping[str, Mapping[str, Any]]
    defaults: Mapping[str, Any]
    own_names: frozenset[str]


def read_yaml(path: Path) -> Any:
    """Read a file without giving its values leave to be templates."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load(path.read_text(encoding="utf-8"), Loader=loader)  # noqa: S506  # both are safe


def load(roles: Path, read: Callable[[Path], Any] = read_yaml) -> list[Role]:
    """Read every role below a directory.

    :param read: how to read defaults; a run of Ansible brings its own, whose values may be templates.
    """

    def read_if_there(path: Path) -> dict[str, Any]:
        return (read(path) or {}) if path.is_file() else {}

    return [
        Role(
            name=specs.parent.parent.name,
            options={
                name: option
                for entry in read_yaml(specs)["argument_specs"].values()
                for name, option in entry.get("options", {}).items()
            },
            defaults=read_if_there(specs.parent.parent / "defaults" / "main.yml"),
            own_names=frozenset(read_if_there(specs.parent.parent / "vars" / "main.yml")),
        )
        for specs in sorted(roles.glob("*/meta/argument_specs.yml"))
    ]


def unknown_names(roles: list[Role], variables: Mapping[str, Any]) -> list[Finding]:
    """Find variables that carry a role's prefix and that no role defines."""
    known = {name for role in roles for name in role.options}
    own = {name for role in roles for name in role.own_names}
    prefixes = tuple(f"{prefix}_" for prefix in (*SHARED_PREFIXES, *(role.name for role in roles)))
    findings = []
    for name in sorted(set(map(str, variables)) - known - own):
        if name.startswith(prefixes):
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else "no role has a variable of this name."
            findings.append((name, f"{name}: {hint}"))
    return findings


def given(roles: list[Role], variables: Mapping[str, Any]) -> dict[str, Any]:
    """The values that will be used: those of the inventory and the command line over the roles' defaults."""
    values: dict[str, Any] = {}
    for role in roles:
        for name in role.options:
            if name in variables:
                values[name] = variables[name]
            elif name in role.defaults and "role_path" not in str(role.defaults[name]):
                values[name] = role.defaults[name]
            elif "default" in role.options[name]:
                values[name] = role.options[name]["default"]
    return values


def wrong_values(roles: list[Role], values: Mapping[str, Any]) -> list[Finding]:
    """Check presence, type and choices, variable by variable, as Ansible will when the role starts."""
    findings = []
    for role in roles:
        for name, option in role.options.items():
            if name not in values:
                if option.get("required") and role.name not in INTERNAL_ROLES:
                    findings.append((name, f"{name} is not set: {' '.join(option['description'].split())}"))
                continue
            spec = {key: option[key] for key in ("type", "elements", "choices") if key in option}
            outcome = ArgumentSpecValidator({name: spec}).validate({name: values[name]})
            if outcome.error_messages:
                expected = option.get("type", "str")
                if "choices" in option:
                    expected = "one of " + ", ".join(str(choice) or '""' for choice in option["choices"])
                findings.append((name, f"{name} must be {expected}, got {values[name]!r}."))
    return findings


class Sources:
    """Where a variable is set: file and line in the inventory, or the command line."""

    def __init__(self, inventories: list[Path], command_line: Collection[str]) -> None:
        self._command_line = command_line
        self._directories = [path if path.is_dir() else path.parent for path in inventories]

    def place(self, name: str) -> str:
        if name in self._command_line:
            return "set on the command line"
        pattern = re.compile(rf"\s*{re.escape(name)}\s*:")
        files = [file for directory in self._directories for file in sorted(directory.rglob("*.y*ml"))]
        for file in files:
            for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
                if pattern.match(line):
                    return f"{file}:{number}"
        if self._directories:
            return f"a default; set it in {self._directories[0]}/group_vars/all.yml"
        return "a default"
