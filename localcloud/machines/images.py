"""The images of a local cloud: what stands in for the official Python image, and what machines boot from.

Both are made from Debian packages, because a host may reach package archives and no registry. They stay in the
engine when the cloud goes down, under a name that is the hash of their recipe: a recipe that changes makes a new
image, and nothing else does.
"""

from __future__ import annotations

import hashlib
import importlib.util
import io
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from localcloud.machines.engine import Engine
from localcloud.machines.host import HostError

BASE_IMAGE = "localhost/localcloud/python:bookworm"
MACHINE_REPOSITORY = "localhost/localcloud/machine"
SUITE = "bookworm"
SUITE_PYTHON = "3.11"
FILES = Path(__file__).parent / "image"
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
ARCHITECTURES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}
"""Machine names of hosts → architectures of EC2."""

BASE_PACKAGES = ("python3", "python3-venv", "ca-certificates")
MACHINE_PACKAGES = (*BASE_PACKAGES, "bash", "curl", "procps")
CLIENT_PACKAGES = {"podman": "podman", "docker": "docker.io"}
EXCLUDED = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*")
INIT = "/usr/local/sbin/localcloud-init"
PROGRAMS = {
    "init.py": INIT,
    "docker.py": "/usr/local/bin/docker",
    "awslogs.py": "/usr/local/bin/localcloud-awslogs",
    "aws": "/usr/local/bin/aws",
}


@dataclass(frozen=True)
class Recipe:
    """An image made of Debian packages; its tag is the recipe's hash."""

    repository: str
    packages: Sequence[str]
    changes: Sequence[str] = ()
    cli: bool = False
    """With an AWS CLI in it."""

    @property
    def hash(self) -> str:
        digest = hashlib.sha256("\n".join((SUITE, architecture(), *self.packages, *self.changes)).encode())
        if self.cli:
            digest.update((FILES / "requirements.txt").read_bytes())
        return digest.hexdigest()[:17]

    @property
    def reference(self) -> str:
        return f"{self.repository}:{self.hash}"


def architecture() -> str:
    """The host's architecture in the words of EC2. Raises HostError for one that EC2 does not have."""
    try:
        return ARCHITECTURES[platform.machine()]
    except KeyError:
        raise HostError(f"localcloud does not run on {platform.machine()}: EC2 has x86_64 and arm64 only") from None


def base_recipe() -> Recipe:
    return Recipe(BASE_IMAGE.rpartition(":")[0], BASE_PACKAGES, ('CMD ["python3"]',))


def root_recipe(engine: str) -> Recipe:
    """The machine image without our own programs, which change more often than its packages."""
    return Recipe(f"{MACHINE_REPOSITORY}-root", (*MACHINE_PACKAGES, CLIENT_PACKAGES[engine]), cli=True)


def machine_image_id(engine: str) -> str:
    """The AMI id of the machine image, a hash of all that is in it; the image's tag is its last 17 digits."""
    digest = hashlib.sha256(root_recipe(engine).hash.encode())
    for name, destination in sorted(PROGRAMS.items()):
        digest.update(destination.encode() + (FILES / name).read_bytes())
    return f"ami-{digest.hexdigest()[:17]}"


def image_of(image_id: str) -> str:
    """The engine's name of a machine image."""
    return f"{MACHINE_REPOSITORY}:{image_id.removeprefix('ami-')}"


def ensure(engine: Engine, engine_name: str, work_dir: Path, say: Callable[[str], None]) -> None:
    """Makes what is missing. Raises HostError or EngineError."""
    base, root = base_recipe(), root_recipe(engine_name)
    missing = [recipe for recipe in (base, root) if not engine.has_image(recipe.reference)]
    if missing:
        preflight()
        say("Making the base image and the machine image from Debian packages: once, a minute or two")
        with ThreadPoolExecutor(len(missing)) as pool:
            for _ in pool.map(lambda recipe: _make(engine, recipe, work_dir), missing):
                pass
    if base in missing or not engine.has_image(BASE_IMAGE):
        engine.tag_image(base.reference, BASE_IMAGE)
    machine = image_of(machine_image_id(engine_name))
    if not engine.has_image(machine):
        engine.build_image(_programs(root.reference), machine)


def _programs(root: str) -> io.BytesIO:
    """A build context that adds our programs to the root image."""
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as tar:
        lines = [f"FROM {root}", *(f"COPY {name} {path}" for name, path in PROGRAMS.items()), f'CMD ["{INIT}"]']
        for name in (*PROGRAMS, "Dockerfile"):
            data = "\n".join(lines).encode() if name == "Dockerfile" else (FILES / name).read_bytes()
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), 0o755
            tar.addfile(entry, io.BytesIO(data))
    context.seek(0)
    return context


def preflight() -> None:
    """Raises HostError, naming the package, when images cannot be made on this host."""
    if importlib.util.find_spec("pip") is None:
        raise HostError(f"{sys.executable} has no pip: install requirements/localcloud.txt")
    if shutil.which("mmdebstrap") is None:
        raise HostError("mmdebstrap, which makes the machine image, is missing: install the package mmdebstrap")
    if not KEYRING.exists():
        raise HostError(f"{KEYRING} is missing: install the package debian-archive-keyring")


def _make(engine: Engine, recipe: Recipe, work_dir: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="image-", dir=work_dir) as directory:
        archive = Path(directory) / "root.tar"
        command = ["mmdebstrap", "--variant=apt", f"--include={','.join(recipe.packages)}", "--quiet"]
        command += [f"--dpkgopt=path-exclude={pattern}" for pattern in EXCLUDED]
        command += ["--aptopt=APT::Install-Recommends false"]
        if recipe.cli:
            _fetch_cli(Path(directory) / "opt" / "aws-cli")
            command += [f"--customize-hook=copy-in {directory}/opt /"]
            command += ['--customize-hook=chroot "$1" python3 -m compileall -q /opt/aws-cli']
        _run([*command, SUITE, str(archive)], "mmdebstrap cannot make the image")
        with archive.open("rb") as tar:
            engine.import_image(tar, recipe.reference, recipe.changes)


def _fetch_cli(tools: Path) -> None:
    """With the host's pip: it knows the way to the package index."""
    platforms = [f"manylinux2014_{platform.machine()}", f"manylinux_2_28_{platform.machine()}", "any"]
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--no-compile", "--root-user-action=ignore", "--only-binary=:all:", "--implementation=cp"]
    command += [f"--python-version={SUITE_PYTHON}", *(f"--platform={name}" for name in platforms)]
    command += ["--require-hashes", "-r", str(FILES / "requirements.txt"), "--target", str(tools)]
    _run(command, "pip cannot fetch the AWS CLI for the machine image")
    shutil.rmtree(tools / "awscli" / "examples", ignore_errors=True)


def _run(command: list[str], complaint: str) -> None:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise HostError(f"{complaint}: {' / '.join(done.stderr.strip().splitlines()[-3:])}")
