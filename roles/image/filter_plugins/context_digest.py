"""Filter: the hash of a build context."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleFilterError


def context_digest(context: str) -> str:
    """Hash what an image build would see of a directory.

    Paths, contents, link targets and the executable bit count; owners and times do not, so that
    every clone of the same commit gives the same hash.

    :param context: the build context's directory; its ``.dockerignore`` is honoured as the engines do.
    :return: SHA-256 as 64 hexadecimal digits.
    :raises AnsibleFilterError: there is no Dockerfile in the directory, or the library is missing.
    """
    try:
        # Every task's worker loads every filter plugin: only the one that hashes pays for this import.
        from docker.utils.build import exclude_paths  # noqa: PLC0415
    except ImportError as error:
        raise AnsibleFilterError(
            f"The Python package 'docker' is missing ({error}): install requirements/controller.txt."
        ) from error
    root = Path(context)
    if not (root / "Dockerfile").is_file():
        raise AnsibleFilterError(f"There is no Dockerfile in {root}: set image_context to the application's directory.")
    ignore = root / ".dockerignore"
    patterns = ignore.read_text(encoding="utf-8").splitlines() if ignore.is_file() else []
    digest = hashlib.sha256()
    for name in sorted(exclude_paths(str(root), patterns)):
        path = root / name
        if path.is_symlink():
            kind, content = "link", str(path.readlink()).encode()
        elif path.is_file():
            kind = "executable" if os.access(path, os.X_OK) else "file"
            content = path.read_bytes()
        else:
            continue
        for part in (name.encode(), kind.encode(), content):
            digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


class FilterModule:
    """Entry point for Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"context_digest": context_digest}
