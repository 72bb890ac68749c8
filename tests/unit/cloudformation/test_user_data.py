"""The boot script does what it says, in order, and says what went wrong. Each test runs it under bash."""

import shlex
import time
from typing import Any

import pytest

DIGEST = "sha256:" + "d" * 64
IMAGE = f"registry.example:5000/hello@{DIGEST}"


def step(call: str) -> str:
    """Shorten a call to its verb."""
    words = shlex.split(call.partition(" <<<")[0])
    if words[0] == "curl":
        return f"curl {words[-1].rsplit('/', 1)[1]}"
    return " ".join(words[: 3 if words[0] == "aws" else 2])


def test_calls_come_in_order(machine: Any) -> None:
    machine.switch("late")
    boot = machine.boot()
    assert boot.status == 0, boot.console
    assert [step(call) for call in boot.calls] == [
        "curl token",
        "curl instance-id",
        "curl local-ipv4",
        "curl region",
        "aws ecr get-login-password",
        "docker login",
        "docker pull",
        "docker run",
        "curl healthz",
        "curl healthz",
        "aws autoscaling complete-lifecycle-action",
    ]
    assert boot.result() == ["CONTINUE"]
    assert "boot: in service after" in boot.console


def test_metadata_is_asked_for_with_a_token(machine: Any) -> None:
    token, *questions = [call for call in machine.boot().calls if "/latest/" in call]
    assert "-X PUT -H X-aws-ec2-metadata-token-ttl-seconds: 300" in token
    assert all("-H X-aws-ec2-metadata-token: token-of-this-machine" in question for question in questions)


def test_image_is_pulled_by_digest_after_login_at_its_registry(machine: Any) -> None:
    calls = machine.boot().calls
    assert "docker login --username AWS --password-stdin registry.example:5000 <<<registry-password" in calls
    assert f"docker pull {IMAGE}" in calls


def test_container_is_confined_and_named_and_logs_to_its_own_stream(machine: Any) -> None:
    arguments = machine.boot().arguments
    assert arguments == [
        *("run", "-d", "--name", "app", "--network", "host", "--restart=always", "--stop-timeout", "40"),
        *("--read-only", "--tmpfs", "/tmp", "--cap-drop=ALL", "--security-opt", "no-new-privileges"),
        *("--log-driver", "awslogs", "--log-opt", "mode=non-blocking"),
        *("--log-opt", "awslogs-group=/hello/local/blue", "--log-opt", "awslogs-region=us-east-1"),
        *("--log-opt", "awslogs-stream=i-0123456789abcdef0"),
        *("-e", "APP_BIND_ADDRESS=127.9.8.7", "-e", "APP_PORT=8080", "-e", "APP_RELEASE=r7"),
        *("-e", f"APP_IMAGE_DIGEST={DIGEST}", "-e", "APP_INSTANCE_ID=i-0123456789abcdef0", "-e", "APP_ENV=local"),
        IMAGE,
    ]


def test_health_is_asked_at_the_address_of_the_machine(machine: Any) -> None:
    assert machine.boot().calls[-2].endswith(" http://127.9.8.7:8080/healthz")


def test_missing_docker_is_installed(machine: Any) -> None:
    (machine.programs / "docker").rename(machine.state / "docker")
    machine.install("dnf", f'echo "dnf $*" >>"$CALLS"; mv "$STATE/docker" {machine.programs}/docker')
    machine.install("systemctl", 'echo "systemctl $*" >>"$CALLS"')
    boot = machine.boot()
    assert boot.status == 0, boot.console
    assert [call for call in boot.calls if call.startswith(("dnf", "systemctl"))] == [
        "dnf install -y docker",
        "systemctl enable --now docker",
    ]


def test_failing_pull_abandons_and_says_so(machine: Any) -> None:
    machine.switch("pull-fails")
    boot = machine.boot()
    assert boot.status == 1
    assert boot.result() == ["ABANDON"]
    assert "manifest unknown" in boot.console
    assert "FAILED after" in boot.console
    assert "docker pull" in boot.console
    assert not boot.arguments


def test_hanging_pull_abandons_before_the_hook_times_out(machine: Any) -> None:
    machine.switch("pull-hangs")
    begin = time.monotonic()
    boot = machine.boot(LaunchTimeoutSeconds="5")
    assert time.monotonic() - begin < 5
    assert boot.result() == ["ABANDON"]
    assert "did not end within the deadline of 4 s" in boot.console


def test_failing_run_abandons(machine: Any) -> None:
    machine.switch("run-fails")
    boot = machine.boot()
    assert (boot.status, boot.result()) == (125, ["ABANDON"])
    assert "no such log driver" in boot.console


def test_silent_application_is_abandoned_with_its_log_before_the_hook_times_out(machine: Any) -> None:
    machine.switch("never-healthy")
    begin = time.monotonic()
    boot = machine.boot(LaunchTimeoutSeconds="5")
    assert time.monotonic() - begin < 5 + 1.5
    assert boot.result() == ["ABANDON"]
    assert "Traceback: the application's last words" in boot.console
    assert "FAILED after 4 s: no 200 from http://127.9.8.7:8080/healthz within 4 s" in boot.console


def test_unreachable_metadata_service_is_named(machine: Any) -> None:
    machine.install("curl", "echo 'curl: (7) Failed to connect' >&2; exit 7")
    boot = machine.boot()
    assert boot.status == 7
    assert boot.result() == []  # nobody knows which instance: the hook's own time-out abandons it
    assert "curl: (7) Failed to connect" in boot.console
    assert "FAILED" in boot.console


def test_refused_completion_is_an_error(machine: Any) -> None:
    machine.switch("no-hook")
    boot = machine.boot()
    assert boot.status == 254
    assert boot.result() == ["CONTINUE", "ABANDON"]
    assert "abandoning failed" in boot.console


@pytest.mark.parametrize(
    "value",
    ["", "two words ", " leading", 'say "hi"', "it's", "a=b==c", "$HOME `id` $(id) \\n", "*", "päge", "--privileged"],
)
def test_variables_arrive_as_they_are(machine: Any, encode: Any, value: str) -> None:
    boot = machine.boot(ApplicationEnvironment=encode(f"GREETING={value}", "", "OTHER=1"))
    assert boot.status == 0, boot.console
    assert boot.arguments[-5:] == ["-e", f"GREETING={value}", "-e", "OTHER=1", IMAGE]


@pytest.mark.parametrize("value", ["two words", 'say "hi"', "it's", "a=b==c", "$HOME `id`", "--privileged"])
@pytest.mark.parametrize(
    ("reference", "name"),
    [
        ("ssm:/hello/local/key", "/hello/local/key"),
        (
            "secretsmanager:arn:aws:secretsmanager:us-east-1:000000000000:secret:hello/local/key-AbCdEf",
            "arn:aws:secretsmanager:us-east-1:000000000000:secret:hello/local/key-AbCdEf",
        ),
    ],
)
def test_secrets_arrive_without_being_seen(machine: Any, encode: Any, reference: str, name: str, value: str) -> None:
    value = f"seven {value}"
    machine.secret(name, value)
    boot = machine.boot(ApplicationSecrets=encode(f"API_KEY={reference}"))
    assert boot.status == 0, boot.console
    assert boot.environment["API_KEY"] == value
    assert boot.arguments[-3:] == ["-e", "API_KEY", IMAGE]
    assert "API_KEY read" in boot.console
    assert value not in boot.console
    assert not any(value in call for call in boot.calls)


def test_secret_is_not_seen_when_a_later_step_fails(machine: Any, encode: Any) -> None:
    machine.secret("/hello/local/key", "open sesame")
    machine.switch("run-fails")
    boot = machine.boot(ApplicationSecrets=encode("API_KEY=ssm:/hello/local/key"))
    assert boot.result() == ["ABANDON"]
    assert "sesame" not in boot.console


def test_secret_reaches_docker_alone(machine: Any, encode: Any) -> None:
    machine.secret("/hello/local/key", "open sesame")
    machine.switch("late")
    machine.install("sleep", 'echo "sleep ${API_KEY:-without}" >>"$CALLS"')
    boot = machine.boot(ApplicationSecrets=encode("API_KEY=ssm:/hello/local/key"))
    assert "sleep without" in boot.calls


@pytest.mark.parametrize(
    ("environment", "secrets", "reason"),
    [
        (["A=1", "and a second line of A"], [], "ApplicationEnvironment, line 2: not NAME=value"),
        (["A"], [], "ApplicationEnvironment, line 1: not NAME=value"),
        (["1A=1"], [], "ApplicationEnvironment, line 1: not NAME=value"),
        (["A B=1"], [], "ApplicationEnvironment, line 1: not NAME=value"),
        (["=1"], [], "ApplicationEnvironment, line 1: not NAME=value"),
        (["APP_PORT=1"], [], "ApplicationEnvironment, line 1: APP_PORT is set by this script"),
        (["A=1", "A=2"], [], "ApplicationEnvironment, line 2: A is given twice"),
        (["A=1"], ["A=ssm:/hello/local/key"], "ApplicationSecrets, line 1: A is given twice"),
        ([], ["A=open sesame"], "ApplicationSecrets, line 1: A refers to neither"),
        ([], ["A=ssm:hello"], "ApplicationSecrets, line 1: A refers to neither"),
        ([], ["PATH=ssm:/hello/local/key"], "ApplicationSecrets, line 1: the name PATH is reserved"),
        ([], ["DOCKER_HOST=ssm:/hello/local/key"], "ApplicationSecrets, line 1: the name DOCKER_HOST is reserved"),
        ([], ["A=ssm:/hello/local/none"], "ApplicationSecrets, line 1: A could not be read from ssm:/hello/local/none"),
        ([], ["A=ssm:/hello/local/lines"], "ApplicationSecrets, line 1: the value of A has several lines"),
        ([], ["A=secretsmanager:arn:binary"], "ApplicationSecrets, line 1: A is no text"),
    ],
)
def test_what_cannot_be_passed_on_is_refused(
    machine: Any, encode: Any, environment: list[str], secrets: list[str], reason: str
) -> None:
    machine.secret("/hello/local/key", "open sesame")
    machine.secret("/hello/local/lines", "open\nsesame")
    machine.secret("arn:binary", "None")
    boot = machine.boot(ApplicationEnvironment=encode(*environment), ApplicationSecrets=encode(*secrets))
    assert boot.result() == ["ABANDON"], boot.console
    assert reason in boot.console
    assert "sesame" not in boot.console
    assert not boot.arguments


def test_script_fits_into_user_data(script: Any) -> None:
    """EC2 takes 16 KiB, before encoding (AWS::EC2::LaunchTemplate, UserData)."""
    longest = script(
        ApplicationEnvironment="A" * 4096,
        ApplicationSecrets="A" * 4096,
        RepositoryUri="r" * 400,
        Release="r" * 128,
        AppName="a" * 20,
        EnvName="e" * 20,
    )
    assert len(longest.encode()) <= 16 * 1024
