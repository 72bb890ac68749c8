"""The fleet's user data, taken out of the template and run on a machine of make-believe programs."""

import base64
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from cfnlint.decode import cfn_yaml  # type: ignore[import-untyped]

ROOT = Path(__file__).resolve().parents[3]
# What the script may use beside aws, docker and curl. Nothing else is on its PATH.
SYSTEM_PROGRAMS = ("bash", "base64", "timeout", "sleep", "cat", "env", "mv")

DIGEST = "sha256:" + "d" * 64
IMAGE = f"registry.example:5000/hello@{DIGEST}"
INSTANCE_ID = "i-0123456789abcdef0"
ADDRESS = "127.9.8.7"

# Each appends a line to $CALLS; what it does else is steered by files in $STATE.
FAKES = {
    "aws": r"""
echo "aws $*" >>"$CALLS"
case "$1 $2" in
  "ecr get-login-password") echo registry-password ;;
  "ssm get-parameter" | "secretsmanager get-secret-value")
    file="$STATE/secrets/${!#//\//_}"
    [[ -f $file ]] || { echo 'An error occurred (ParameterNotFound)' >&2; exit 254; }
    cat "$file" ;;
  "autoscaling complete-lifecycle-action")
    [[ ! -f "$STATE/no-hook" ]] || { echo 'No active Lifecycle Action found' >&2; exit 254; } ;;
esac
""",
    "docker": r"""
case $1 in
  login) echo "docker $* <<<$(cat)" >>"$CALLS" ;;
  *) echo "docker ${*//$'\n'/<newline>}" >>"$CALLS" ;;
esac
case $1 in
  pull)
    [[ ! -f "$STATE/pull-hangs" ]] || sleep 60
    [[ ! -f "$STATE/pull-fails" ]] || { echo 'manifest unknown' >&2; exit 1; } ;;
  run)
    [[ ! -f "$STATE/run-fails" ]] || { echo 'no such log driver' >&2; exit 125; }
    printf '%s\0' "$@" >"$STATE/run-arguments"
    env -0 >"$STATE/run-environment" ;;
  logs) echo "Traceback: the application's last words" ;;
esac
""",
    "curl": r"""
echo "curl $*" >>"$CALLS"
case ${!#} in
  */latest/api/token) echo token-of-this-machine ;;
  */meta-data/instance-id) printf %s "$INSTANCE_ID" ;;
  */meta-data/local-ipv4) printf %s "$ADDRESS" ;;
  */meta-data/placement/region) printf %s us-east-1 ;;
  */healthz)
    if [[ -f "$STATE/never-healthy" ]]; then printf 503; exit 0; fi
    if [[ -f "$STATE/late" && ! -f "$STATE/asked" ]]; then : >"$STATE/asked"; printf 000; exit 7; fi
    printf 200 ;;
  *) exit 22 ;;
esac
""",
}


@dataclass(frozen=True)
class Boot:
    """What one run of the user data left behind."""

    status: int
    console: str
    calls: list[str]
    # Of `docker run`: its arguments, and the environment that it was started with.
    arguments: list[str]
    environment: dict[str, str]

    def result(self) -> list[str]:
        """What the launch hook was told, in order."""
        return [call.rsplit(" ", 1)[1] for call in self.calls if "complete-lifecycle-action" in call]


def user_data(**parameters: str) -> str:
    """Return the script with Fn::Sub resolved; bounds of parameters do not apply, so that time can be short."""
    template = cfn_yaml.load(str(ROOT / "cloudformation" / "fleet.yml"))
    data = template["Resources"]["LaunchTemplate"]["Properties"]["LaunchTemplateData"]["UserData"]
    text: str = data["Fn::Base64"]["Fn::Sub"]
    values = {
        "AppName": "hello",
        "EnvName": "local",
        "Colour": "blue",
        "RepositoryUri": IMAGE.partition("@")[0],
        "ImageDigest": DIGEST,
        "Release": "r7",
        "ApplicationPort": "8080",
        "HealthCheckPath": "/healthz",
        "LaunchTimeoutSeconds": "25",
        "LogGroup": "/hello/local/blue",
        "ApplicationEnvironment": "",
        "ApplicationSecrets": "",
    } | parameters

    def value(match: re.Match[str]) -> str:
        name = match[1]
        return f"${{{name[1:]}}}" if name.startswith("!") else values[name]

    return re.sub(r"\$\{([^}]*)\}", value, text)


def encoded(*lines: str) -> str:
    """Encode lines the way the fleet role passes them."""
    return base64.b64encode("\n".join(lines).encode()).decode()


class Machine:
    """A directory of programs, and switches for what goes wrong in them."""

    def __init__(self, directory: Path) -> None:
        self.programs = directory / "bin"
        self.state = directory / "state"
        self.calls = directory / "calls"
        (self.state / "secrets").mkdir(parents=True)
        self.programs.mkdir()
        for name in SYSTEM_PROGRAMS:
            path = shutil.which(name)
            assert path is not None, f"{name} is missing on this host"
            # A program of its own and not a link: a test that replaces it must not write into the host's.
            self.install(name, f'exec {path} "$@"')
        for name, body in FAKES.items():
            self.install(name, body)

    def install(self, name: str, body: str) -> None:
        """Put a program on the machine's PATH."""
        program = self.programs / name
        assert not program.is_symlink()
        program.write_text(f"#!{shutil.which('bash')}\n{body}")
        program.chmod(0o755)

    def switch(self, name: str) -> None:
        """Let something go wrong; the names are those in the programs above."""
        (self.state / name).touch()

    def secret(self, name: str, value: str) -> None:
        """Store a value under the name of a parameter or the ARN of a secret."""
        (self.state / "secrets" / name.replace("/", "_")).write_text(f"{value}\n")

    def boot(self, **parameters: str) -> Boot:
        """Run the user data to its end."""
        environment = {
            "PATH": str(self.programs),
            "CALLS": str(self.calls),
            "STATE": str(self.state),
            "INSTANCE_ID": INSTANCE_ID,
            "ADDRESS": ADDRESS,
            # A port that nobody listens on: no test may ask the metadata service of the host it runs on.
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:9",
        }
        script = self.state / "user-data"
        script.write_text(user_data(**parameters))
        done = subprocess.run(
            ["bash", str(script)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=60,
            check=False,
            cwd="/",
        )
        return Boot(
            status=done.returncode,
            console=done.stdout.decode(),
            calls=self.calls.read_text().splitlines() if self.calls.exists() else [],
            arguments=self._fields("run-arguments"),
            environment=dict(field.split("=", 1) for field in self._fields("run-environment")),
        )

    def _fields(self, name: str) -> list[str]:
        file = self.state / name
        return file.read_text().split("\0")[:-1] if file.exists() else []


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.fixture
def encode() -> Callable[..., str]:
    return encoded


@pytest.fixture
def script() -> Callable[..., str]:
    return user_data
