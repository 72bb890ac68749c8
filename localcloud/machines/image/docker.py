#!/usr/bin/python3
"""`docker` on a machine: the host's engine, as far as this machine's own containers are concerned.

Containers are started on the host's engine beside the machine, so what a machine of its own would give them is
added here: names of their own, the machine's label and limits, the `awslogs` driver. Everything else passes through.
"""

import json
import os
import subprocess
import sys

INSTANCE = os.environ["LOCALCLOUD_INSTANCE_ID"]
LABEL = os.environ["LOCALCLOUD_LABEL"]
OWN = "localcloud.container"
"""Label of the containers that a machine started; the machine itself does not have it."""
PREFIX = f"{os.environ['LOCALCLOUD_ID']}-{INSTANCE}-"
ENGINE = os.environ["LOCALCLOUD_ENGINE"]
SOCKET = "unix:///run/localcloud/engine/engine.sock"
CLIENT = (
    ["/usr/bin/podman", "--remote", "--url", SOCKET] if ENGINE == "podman" else ["/usr/bin/docker", "--host", SOCKET]
)
BY_NAME = {
    "attach",
    "commit",
    "cp",
    "diff",
    "exec",
    "inspect",
    "kill",
    "logs",
    "pause",
    "port",
    "rename",
    "restart",
    "rm",
    "start",
    "stats",
    "stop",
    "top",
    "unpause",
    "update",
    "wait",
}
AWSLOGS_DEFAULTS = {"mode": "blocking"}
AWSLOGS_OPTIONS = {
    "mode",
    "awslogs-group",
    "awslogs-region",
    "awslogs-stream",
    "awslogs-create-group",
    "max-buffer-size",
    "tag",
}


def fail(text):
    sys.exit(f"docker: {text}")


def call(*arguments):
    return subprocess.run([*CLIENT, *arguments], stdout=subprocess.PIPE, text=True, check=True).stdout


def own_names():
    listed = call("ps", "--all", "--filter", f"label={OWN}={INSTANCE}", "--format", "{{.Names}}")
    return [name for name in listed.split() if name.startswith(PREFIX)]


def option(argument, following):
    """(name, value, arguments used) of `--name value` or `--name=value`."""
    name, equals, value = argument.partition("=")
    return (name, value, 1) if equals else (name, following, 2)


def split_run(arguments):
    """Takes names and log options out of the options of `run` or `create`: (rest, name, driver, log options)."""
    rest, name, driver, options = [], "", "", {}
    index = 0
    while index < len(arguments):
        argument = arguments[index]
        if not argument.startswith("-"):
            break
        key, value, used = option(argument, arguments[index + 1] if index + 1 < len(arguments) else "")
        if key == "--name":
            name = value
        elif key == "--log-driver":
            driver = value
        elif key == "--log-opt":
            log_key, _, log_value = value.partition("=")
            options[log_key] = log_value
        elif key == "--cpus":
            rest += [key, fewer(value)]
        else:
            used = 1 if "=" in argument or argument in FLAGS or is_flag_bundle(argument) else 2
            rest += arguments[index : index + used]
        index += used
    return rest + arguments[index:], name, driver, options


def fewer(cpus):
    """What a container asks for, or what the machine has: whichever is less."""
    own = os.environ.get("LOCALCLOUD_CPUS")
    return min(cpus, own, key=float) if own else cpus


FLAGS = {
    "--detach",
    "--interactive",
    "--tty",
    "--rm",
    "--read-only",
    "--init",
    "--privileged",
    "--publish-all",
    "--no-healthcheck",
    "--oom-kill-disable",
    "--sig-proxy",
    "--quiet",
    "--disable-content-trust",
}


def is_flag_bundle(argument):
    return not argument.startswith("--") and set(argument[1:]) <= set("ditPq")


def run(command, arguments):
    rest, name, driver, options = split_run(arguments)
    added = ["--label", f"localcloud={os.environ['LOCALCLOUD_ID']}"]
    added += ["--label", f"{LABEL}={INSTANCE}", "--label", f"{OWN}={INSTANCE}"]
    if name:
        added += ["--name", PREFIX + name]
    for key, variable in (("--cpus", "LOCALCLOUD_CPUS"), ("--memory", "LOCALCLOUD_MEMORY")):
        if os.environ.get(variable) and not any(part.split("=")[0] == key for part in rest):
            added += [key, os.environ[variable]]
    if driver == "awslogs":
        unknown = sorted(set(options) - AWSLOGS_OPTIONS)
        if unknown or "awslogs-group" not in options:
            fail(f"localcloud does not support these awslogs options: {', '.join(unknown) or 'no awslogs-group'}")
        plain = {
            "podman": ["--log-driver", "k8s-file", "--log-opt", "max-size=10mb"],
            "docker": ["--log-driver", "json-file", "--log-opt", "max-size=10m"],
        }
        added += plain[ENGINE]
    else:
        added += [*(["--log-driver", driver] if driver else [])]
        added += [part for key, value in options.items() for part in ("--log-opt", f"{key}={value}")]
    if driver != "awslogs":
        os.execv(CLIENT[0], [*CLIENT, command, *added, *rest])  # noqa: S606
    if command != "create" and not any(part == "--detach" or (is_flag_bundle(part) and "d" in part) for part in rest):
        fail("localcloud does not support --log-driver awslogs without --detach")
    done = subprocess.run([*CLIENT, command, *added, *rest], stdout=subprocess.PIPE, text=True, check=False)
    sys.stdout.write(done.stdout)
    if done.returncode == 0:
        container = done.stdout.split()[-1]
        options.setdefault("awslogs-stream", container)
        subprocess.Popen(
            ["/usr/local/bin/localcloud-awslogs", container, json.dumps(options)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
    sys.exit(done.returncode)


def stop_all():
    """Stops this machine's containers side by side, each with its own time-out."""
    stopping = [subprocess.Popen([*CLIENT, "stop", name], stdout=subprocess.DEVNULL) for name in all_own()]
    for process in stopping:
        process.wait()


def all_own():
    return call("ps", "--filter", f"label={OWN}={INSTANCE}", "--format", "{{.ID}}").split()


def main():
    arguments = sys.argv[1:]
    command = arguments[0] if arguments else ""
    if command == "container" and len(arguments) > 1:
        arguments = arguments[1:]
        command = arguments[0]
    if command == "localcloud-stop-all":
        stop_all()
        return
    if command in ("run", "create"):
        run(command, arguments[1:])
    if command in ("ps", "ls", "list"):
        shown = call("ps", *arguments[1:], "--filter", f"label={OWN}={INSTANCE}")
        sys.stdout.write(shown.replace(PREFIX, ""))
        return
    if command in BY_NAME:
        known = set(own_names())
        arguments = [PREFIX + part if PREFIX + part in known else part for part in arguments]
    elif command == "login":
        # The registry of a local cloud speaks plain HTTP, which Podman wants to be told.
        arguments += ["--tls-verify=false"] if ENGINE == "podman" else []
    os.execv(CLIENT[0], [*CLIENT, *arguments])  # noqa: S606


if __name__ == "__main__":
    main()
