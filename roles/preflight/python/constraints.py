"""What a template allows as its parameters, and whether the variables that a role hands over to them keep to it.

CloudFormation refuses a value only when it comes to that stack, with half of the environment made. Bounds stand in the
templates alone, and which variable becomes which parameter in the roles' tasks alone: both are read here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cloudformation_stack.template import parse, scalar
from jinja2 import Environment, nodes

Finding = tuple[str, str]
Resolve = Callable[[str], Any]
"""The value of a Jinja expression, its variables being those that are checked."""

JINJA = Environment()  # noqa: S701  # It only parses.
PLAIN = re.compile(r"\{\{ *(\w+) *\}\}")
# Longer values are counted, not shown.
LONGEST_SHOWN = 100


@dataclass(frozen=True)
class Use:
    """A variable that becomes a template's parameter, as a task writes it; `allowed` is the parameter's declaration."""

    variable: str
    expression: str
    template: str
    parameter: str
    allowed: Mapping[str, Any]

    @property
    def is_optional(self) -> bool:
        """Whether the run finds or makes a value itself where the variable is empty."""
        return self.variable not in self.expression


def uses(roles: Path, templates: Path, variables: Collection[str]) -> list[Use]:
    """List the parameters that are one of these variables, and nothing that only the run finds out."""
    found = []
    for template, parameters in given_parameters(roles):
        declared = declarations(templates / template)
        for parameter, expression in parameters.items():
            variable = used_variable(str(expression), variables)
            if variable:
                found.append(Use(variable, str(expression), template, parameter, declared[parameter]))
    return found


def given_parameters(roles: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield each template that a role's task applies, by file name, with the task's expression for each parameter."""
    for file in sorted(roles.glob("*/tasks/*.yml")):
        text = file.read_text(encoding="utf-8")
        if "stack_parameters:" in text:
            yield from _applied(parse(text))


def _applied(tasks: list[Mapping[str, Any]]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for task in tasks:
        given = task.get("vars", {})
        if "stack_parameters" in given:
            yield given["stack_template"], given["stack_parameters"]
        for section in ("block", "rescue", "always"):
            yield from _applied(task.get(section, []))


def declarations(template: Path) -> Mapping[str, Mapping[str, Any]]:
    """The parameters of a template; its resources, most of the file, are not parsed."""
    declared: Mapping[str, Mapping[str, Any]] = parse(
        template.read_text(encoding="utf-8").partition("\nResources:")[0]
    )["Parameters"]
    return declared


def used_variable(expression: str, variables: Collection[str]) -> str | None:
    """The one variable that an expression is made of; None where it needs anything else."""
    plain = PLAIN.fullmatch(expression)
    if plain:
        # By the roles' convention <role>_used_<noun> is <role>_<noun> where that is given, and else the run's own.
        names = {plain[1].replace("_used_", "_")}
    else:
        names = {node.name for node in JINJA.parse(expression).find_all(nodes.Name)}
    return names.pop() if len(names) == 1 and names <= set(variables) else None


def broken(
    uses: list[Use], values: Mapping[str, Any], resolve: Resolve, passed_over: Collection[str] = ()
) -> list[Finding]:
    """Compare values with what their parameters allow.

    :param passed_over: variables of which something better has been said.
    """
    findings = []
    for use in uses:
        value = values.get(use.variable)
        if use.variable in passed_over or value is None or (use.is_optional and not value):
            continue
        # Nearly all are plain, and need no Jinja.
        text = scalar(value if PLAIN.fullmatch(use.expression) else resolve(use.expression))
        for shown in _refused(use, value, text):
            findings.append((use.variable, f"{shown}: {use.allowed['ConstraintDescription']}."))
    # More than one template may have the parameter.
    return list(dict.fromkeys(findings))


def _refused(use: Use, value: Any, text: str) -> Iterator[str]:
    """Yield what the parameter does not allow, as a finding begins."""
    if use.allowed["Type"] == "CommaDelimitedList":
        for index, element in enumerate(text.split(",")):
            if not _is_allowed(element.strip(), use.allowed):
                yield f"{use.variable}[{index}] {element!r}"
    elif not _is_allowed(text, use.allowed):
        # What an application is told is nobody else's business.
        hidden = isinstance(value, Mapping) or len(text) > LONGEST_SHOWN
        yield f"{use.variable} " + (f"({len(text)} characters, as the template takes it)" if hidden else repr(value))


def _is_allowed(text: str, allowed: Mapping[str, Any]) -> bool:
    """CloudFormation user guide, "Parameters": constraints of a String or Number, or of one element of a list."""
    if "AllowedValues" in allowed and text not in map(scalar, allowed["AllowedValues"]):
        return False
    if "AllowedPattern" in allowed and not re.fullmatch(allowed["AllowedPattern"], text):
        return False
    if not int(allowed.get("MinLength", 0)) <= len(text) <= int(allowed.get("MaxLength", len(text))):
        return False
    if allowed["Type"] != "Number":
        return True
    try:
        number = float(text)
    except ValueError:
        return False
    return bool(allowed.get("MinValue", number) <= number <= allowed.get("MaxValue", number))
