"""The hash of a build context: the same for the same bytes, another for any that matter."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from ansible.errors import AnsibleFilterError

FILTER = Path(__file__).resolve().parents[3] / "roles" / "image" / "filter_plugins" / "context_digest.py"
_spec = importlib.util.spec_from_file_location("context_digest", FILTER)
assert _spec and _spec.loader
_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_module)
context_digest = _module.context_digest


@pytest.fixture
def context(tmp_path: Path) -> Path:
    (tmp_path / "Dockerfile").write_text("FROM scratch\n", encoding="utf-8")
    (tmp_path / "hello.py").write_text("print('hello')\n", encoding="utf-8")
    (tmp_path / ".dockerignore").write_text("**/__pycache__\n*.md\n", encoding="utf-8")
    return tmp_path


def test_ignored_files_do_not_count(context: Path) -> None:
    before = context_digest(str(context))
    (context / "README.md").write_text("text", encoding="utf-8")
    (context / "sub" / "__pycache__").mkdir(parents=True)
    (context / "sub" / "__pycache__" / "hello.pyc").write_bytes(b"x")
    assert context_digest(str(context)) == before


@pytest.mark.parametrize("change", ["content", "name", "mode", "new"])
def test_every_difference_that_matters_counts(context: Path, change: str) -> None:
    before = context_digest(str(context))
    file = context / "hello.py"
    if change == "content":
        file.write_text("print('bye')\n", encoding="utf-8")
    elif change == "name":
        file.rename(context / "bye.py")
    elif change == "mode":
        file.chmod(0o755)
    else:
        (context / "more.py").write_text("", encoding="utf-8")
    assert context_digest(str(context)) != before


def test_times_do_not_count(context: Path) -> None:
    before = context_digest(str(context))
    (context / "hello.py").touch()
    assert context_digest(str(context)) == before


def test_a_context_without_dockerfile_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AnsibleFilterError, match="set image_context"):
        context_digest(str(tmp_path))
