"""Reads a CloudFormation template (YAML with short tags, or JSON) and says what matters about it."""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from .errors import StackError

# Limit of an inline template body (CloudFormation quotas: "Template body size in a request").
MAX_BODY_BYTES = 51_200
# A pure function of template and parameters; every other transform or macro may answer differently each time.
DETERMINISTIC_TRANSFORMS = frozenset({"AWS::LanguageExtensions"})
# ssm without a version and the secret stores are looked up by CloudFormation, not by the template's text.
_DYNAMIC_REFERENCE = re.compile(r"\{\{resolve:(ssm|ssm-secure|secretsmanager):")


@dataclass(frozen=True)
class Parameter:
    """One declared parameter; `default` is None when the caller must give a value."""

    name: str
    type: str
    default: str | None
    no_echo: bool

    @property
    def looked_up(self) -> bool:
        """True when CloudFormation reads the value from Parameter Store at every operation."""
        return self.type.startswith("AWS::SSM::Parameter::Value")


@dataclass(frozen=True)
class Template:
    """A parsed template beside its own text."""

    body: str
    tree: Mapping[str, Any]

    @property
    def parameters(self) -> dict[str, Parameter]:
        declared = self.tree.get("Parameters") or {}
        return {name: _parameter(name, spec or {}) for name, spec in declared.items()}

    @property
    def transforms(self) -> set[str]:
        transform = self.tree.get("Transform") or []
        names = transform if isinstance(transform, list) else [transform]
        return {name if isinstance(name, str) else str(name.get("Name", name)) for name in names}

    def outcome_depends_on_more_than_text(self) -> str:
        """Why equal text and parameters would not prove an equal outcome; '' when they do."""
        foreign = sorted(self.transforms - DETERMINISTIC_TRANSFORMS)
        if foreign:
            return f"it is transformed by {', '.join(foreign)}"
        if any(key == "Fn::Transform" for key, _ in _walk(self.tree)):
            return "it embeds a macro (Fn::Transform)"
        if any(isinstance(value, str) and _DYNAMIC_REFERENCE.search(value) for _, value in _walk(self.tree)):
            return "it holds a dynamic reference"
        return ""


def load(body: str) -> Template:
    """Parse a template body.

    Raises StackError when it is too large to be sent, or is no mapping with Resources.
    """
    size = len(body.encode())
    if size > MAX_BODY_BYTES:
        raise StackError(
            f"The template has {size} bytes; CloudFormation takes {MAX_BODY_BYTES} in a request. "
            "Split it, or shorten its comments."
        )
    tree = parse(body)
    if not isinstance(tree, dict) or not isinstance(tree.get("Resources"), dict):
        raise StackError("The template is not a mapping with a Resources section.")
    return Template(body, tree)


def parse(body: str) -> Any:
    """The template as plain data, short tags in their long form (`!Ref X` as `{"Ref": "X"}`)."""
    if body.lstrip().startswith("{"):
        try:
            return json.loads(body)
        except ValueError as error:
            raise StackError(f"The template is not valid JSON: {error}") from error
    yaml = importlib.import_module("yaml")
    try:
        return yaml.load(body, Loader=_loader_class())
    except yaml.YAMLError as error:
        raise StackError(f"The template is not valid YAML: {error}") from error


def same(ours: str, deployed: Any) -> bool:
    """True when a deployed template (text, or a mapping when it is JSON) means the same as ours.

    GetTemplate returns '?' for every character beyond ASCII (cloudformation-coverage-roadmap 814), so a
    template that holds one is never called the same: two different texts could come back alike.
    """
    if not ours.isascii():
        return False
    if deployed == ours:
        return True
    tree = parse(deployed) if isinstance(deployed, str) else _plain(deployed)
    return bool(parse(ours) == tree)


def _parameter(name: str, spec: Mapping[str, Any]) -> Parameter:
    default = spec.get("Default")
    no_echo = str(spec.get("NoEcho", "false")).lower() == "true"
    return Parameter(name, str(spec.get("Type", "String")), None if default is None else scalar(default), no_echo)


def scalar(value: Any) -> str:
    """A YAML scalar or list as CloudFormation reads it in a parameter."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return ",".join(scalar(item) for item in value)
    return str(value)


def _walk(node: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(node, Mapping):
        for key, value in node.items():
            yield str(key), value
            yield from _walk(value)
    elif isinstance(node, list):
        for value in node:
            yield "", value
            yield from _walk(value)


def _plain(node: Any) -> Any:
    if isinstance(node, Mapping):
        return {key: _plain(value) for key, value in node.items()}
    return [_plain(value) for value in node] if isinstance(node, list) else node


@lru_cache(maxsize=1)
def _loader_class() -> Any:
    yaml = importlib.import_module("yaml")
    base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    loader: Any = type("TemplateLoader", (base,), {})

    def construct(instance: Any, suffix: str, node: Any) -> Any:
        if isinstance(node, yaml.ScalarNode):
            value: Any = instance.construct_scalar(node)
        elif isinstance(node, yaml.SequenceNode):
            value = instance.construct_sequence(node, deep=True)
        else:
            value = instance.construct_mapping(node, deep=True)
        if suffix in ("Ref", "Condition"):
            return {suffix: value}
        if suffix == "GetAtt" and isinstance(value, str):
            value = value.split(".", 1)
        return {f"Fn::{suffix}": value}

    loader.add_multi_constructor("!", construct)
    # Dates stay text, as CloudFormation reads them: a policy's Version is the string 2012-10-17.
    loader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in base.yaml_implicit_resolvers.items()
    }
    return loader
