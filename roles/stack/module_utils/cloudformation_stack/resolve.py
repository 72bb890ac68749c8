"""Resolves what a template's text and parameters alone decide; the rest stays symbolic.

Used to show before → after where CloudFormation gives no values, to list a stack that does not exist yet, and
to know which properties are made of secrets. It decides nothing: CloudFormation does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .options import KNOWN_AFTER_APPLY
from .template import Template

_SUB = re.compile(r"\$\{([^!][^}]*)\}")
_SECRET_REFERENCE = re.compile(r"\{\{resolve:(ssm-secure|secretsmanager):")


class NoValue:
    """The value of AWS::NoValue: the property is not there."""


NO_VALUE = NoValue()


@dataclass(frozen=True)
class Symbol:
    """A value that only AWS knows, such as `Vpc` (its Ref) or `Group.Arn`."""

    text: str


class Resolver:
    """One template with one set of parameter values (names without a value take the default)."""

    def __init__(self, template: Template, values: Mapping[str, str]) -> None:
        self.template = template
        self.parameters = template.parameters
        self.values = {name: spec.default for name, spec in self.parameters.items() if spec.default is not None}
        self.values.update(values)
        self._conditions: Mapping[str, Any] = template.tree.get("Conditions") or {}
        self.resources = self._expand_loops(template.tree.get("Resources") or {})

    def properties(self, logical_id: str) -> dict[str, Any]:
        """Resolved attributes of a resource, {} when it is not in the template."""
        resource = self.resources.get(logical_id) or {}
        kept = ("Properties", "UpdatePolicy", "CreationPolicy", "DeletionPolicy", "UpdateReplacePolicy", "Metadata")
        found = {name: self.value(resource[name]) for name in kept if name in resource}
        return {name: value for name, value in found.items() if value is not NO_VALUE}

    def included(self, logical_id: str) -> bool | None:
        """Whether the resource's condition holds; None when only AWS can tell."""
        condition = (self.resources.get(logical_id) or {}).get("Condition")
        return True if condition is None else self.condition(str(condition))

    def condition(self, name: str, seen: frozenset[str] = frozenset()) -> bool | None:
        """A named condition; None when it depends on a value that is not known."""
        if name in seen or name not in self._conditions:
            return None
        return self._truth(self._conditions[name], seen | {name})

    def _truth(self, node: Any, seen: frozenset[str]) -> bool | None:
        if not isinstance(node, Mapping) or len(node) != 1:
            return None
        ((function, argument),) = node.items()
        answer: bool | None = None
        if function == "Condition":
            answer = self.condition(str(argument), seen)
        elif function == "Fn::Not":
            inner = self._truth(argument[0], seen)
            answer = None if inner is None else not inner
        elif function == "Fn::Equals":
            answer = self._equal(*(self.value(item) for item in argument))
        elif function in ("Fn::And", "Fn::Or"):
            answers = [self._truth(item, seen) for item in argument]
            decisive = function == "Fn::Or"
            answer = decisive if decisive in answers else (None if None in answers else not decisive)
        return answer

    @staticmethod
    def _equal(left: Any, right: Any) -> bool | None:
        unknown = any(not _is_known(side) or side == KNOWN_AFTER_APPLY for side in (left, right))
        return None if unknown else display(left) == display(right)

    def value(self, node: Any) -> Any:
        """A node with its intrinsic functions replaced where parameters and text decide them."""
        if isinstance(node, list):
            items = [self.value(item) for item in node]
            return [item for item in items if item is not NO_VALUE]
        if not isinstance(node, Mapping):
            return node
        if len(node) == 1:
            ((function, argument),) = node.items()
            if function == "Ref" or str(function).startswith("Fn::"):
                return self._function(str(function), argument)
        resolved = {str(key): self.value(item) for key, item in node.items()}
        return {key: item for key, item in resolved.items() if item is not NO_VALUE}

    def _function(self, function: str, argument: Any) -> Any:
        known = {
            "Ref": self._reference,
            "Fn::GetAtt": self._attribute,
            "Fn::Sub": self._substitute,
            "Fn::If": self._choose,
            "Fn::Base64": self.value,
        }.get(function)
        if known is not None:
            return known(argument)
        inner = self.value(argument)
        if _is_known(inner) and isinstance(inner, list) and len(inner) == 2:
            first, second = inner
            if function == "Fn::Join" and isinstance(second, list):
                return display(first).join(display(item) for item in second)
            if function == "Fn::Split":
                return display(second).split(display(first))
            if (
                function == "Fn::Select"
                and isinstance(second, list)
                and display(first).isdigit()
                and int(first) < len(second)
            ):
                return second[int(first)]
        return Symbol(f"{function.removeprefix('Fn::')} {_plain_text(inner)}")

    def _attribute(self, argument: Any) -> Symbol:
        parts = argument if isinstance(argument, list) else [argument]
        return Symbol(".".join(display(self.value(part)) for part in parts))

    def _choose(self, argument: Any) -> Any:
        name, then, otherwise = argument
        answer = self.condition(str(name))
        return Symbol(f"If {name}") if answer is None else self.value(then if answer else otherwise)

    def _reference(self, argument: Any) -> Any:
        name = str(argument)
        if name == "AWS::NoValue":
            return NO_VALUE
        if name in self.values:
            value = self.values[name]
            listed = "List" in self.parameters[name].type if name in self.parameters else False
            return value.split(",") if listed and value else value
        return Symbol(name)

    def _substitute(self, argument: Any) -> str:
        text, extra = (argument[0], argument[1]) if isinstance(argument, list) else (argument, {})

        def replace(match: re.Match[str]) -> str:
            name = match[1].strip()
            found = self.value(extra[name]) if name in extra else self._reference(name)
            if isinstance(found, list):
                return ",".join(_plain_text(item) for item in found)
            return f"${{{found.text}}}" if isinstance(found, Symbol) else str(found)

        return _SUB.sub(replace, str(text)).replace("${!", "${")

    def _expand_loops(self, resources: Mapping[str, Any]) -> dict[str, Any]:
        """Fn::ForEach in Resources, as far as its collection is known (AWS::LanguageExtensions)."""
        found: dict[str, Any] = {}
        for key, node in resources.items():
            if not key.startswith("Fn::ForEach::"):
                found[key] = node
                continue
            identifier, collection, body = node
            items = self.value(collection)
            if not isinstance(items, list):
                items = [items]
            for item in items:
                text = item.text if isinstance(item, Symbol) else str(item)
                found.update(self._expand_loops(_bind(body, str(identifier), text)))
        return found

    def secret_names(self) -> set[str]:
        """Parameters whose value is never shown."""
        return {name for name, spec in self.parameters.items() if spec.no_echo}

    def secret_paths(self, logical_id: str) -> set[str]:
        """Paths (`Properties/Password`) in a resource that are made of a secret."""
        found: set[str] = set()
        _collect_secrets(self.resources.get(logical_id) or {}, (), self.secret_names(), found)
        return found


def display(value: Any) -> str:
    """A resolved value as text."""
    return _plain_text(value)


def _plain_text(value: Any) -> str:
    if isinstance(value, Symbol):
        return value.text
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_plain_text(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_plain_text(item) for item in value) + "]"
    return str(value)


def _is_known(node: Any) -> bool:
    if isinstance(node, Symbol):
        return False
    if isinstance(node, Mapping):
        return all(_is_known(item) for item in node.values())
    return all(_is_known(item) for item in node) if isinstance(node, list) else True


def _bind(node: Any, identifier: str, text: str) -> Any:
    """A loop body with its identifier replaced; `&{X}` keeps letters and digits only."""
    plain = re.sub(r"[^A-Za-z0-9]", "", text)

    def fill(part: str) -> str:
        return part.replace(f"${{{identifier}}}", text).replace(f"&{{{identifier}}}", plain)

    if isinstance(node, Mapping):
        if dict(node) == {"Ref": identifier}:
            return text
        return {fill(str(key)): _bind(item, identifier, text) for key, item in node.items()}
    if isinstance(node, list):
        return [_bind(item, identifier, text) for item in node]
    return fill(node) if isinstance(node, str) else node


def _collect_secrets(node: Any, path: tuple[str, ...], names: Iterable[str], found: set[str]) -> None:
    if isinstance(node, Mapping):
        if len(node) == 1:
            ((function, argument),) = node.items()
            if function == "Ref" and argument in names:
                found.add("/".join(path))
                return
            if str(function).startswith("Fn::"):
                if _mentions(argument, names):
                    found.add("/".join(path))
                return
        for key, item in node.items():
            _collect_secrets(item, (*path, str(key)), names, found)
    elif isinstance(node, list):
        for index, item in enumerate(node):
            _collect_secrets(item, (*path, str(index)), names, found)
    elif isinstance(node, str) and _SECRET_REFERENCE.search(node):
        found.add("/".join(path))


def _mentions(node: Any, names: Iterable[str]) -> bool:
    if isinstance(node, Mapping):
        return any((key == "Ref" and item in names) or _mentions(item, names) for key, item in node.items())
    if isinstance(node, list):
        return any(_mentions(item, names) for item in node)
    if not isinstance(node, str):
        return False
    return bool(_SECRET_REFERENCE.search(node)) or any(f"${{{name}}}" in node for name in names)
