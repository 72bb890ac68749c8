#!/usr/bin/python3
"""Process 1 of a machine: what the kernel, cloud-init and the shutdown of a real instance do.

Fetches the user data from the metadata service, runs it once as root with its output on the console, then reaps
whatever is left behind. On SIGTERM the instance shuts down: its containers are stopped first, each with its own
stop time-out, as a Docker daemon does on a real machine.
"""

import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

CONSOLE = "/run/localcloud/console"
SCRIPT = pathlib.Path("/var/lib/cloud/instance/user-data.txt")
METADATA = os.environ["AWS_EC2_METADATA_SERVICE_ENDPOINT"]
LOG_FLUSH_SECONDS = 5


def say(text):
    print(f"localcloud: {text}", flush=True)


def metadata(path, method="GET", headers=None):
    request = urllib.request.Request(METADATA + path, method=method, headers=headers or {})  # noqa: S310
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=5) as response:
        return response.read()


def user_data():
    """None when there is none."""
    last = 20
    for attempt in range(last + 1):
        try:
            token = metadata("/latest/api/token", "PUT", {"X-aws-ec2-metadata-token-ttl-seconds": "60"}).decode()
            return metadata("/latest/user-data", headers={"X-aws-ec2-metadata-token": token})
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            raise
        except OSError:
            if attempt == last:
                raise
            time.sleep(0.25)
    return None


def start_script():
    script = user_data()
    if not script:
        say("no user data")
        return None
    SCRIPT.parent.mkdir(parents=True, exist_ok=True)
    SCRIPT.write_bytes(script)
    SCRIPT.chmod(0o700)
    return subprocess.Popen([str(SCRIPT)], cwd="/", stdin=subprocess.DEVNULL, start_new_session=True)


def shut_down(script):
    say("shutting down")
    if script and script.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(script.pid, signal.SIGKILL)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    subprocess.run(["docker", "localcloud-stop-all"], check=False)
    deadline = time.monotonic() + LOG_FLUSH_SECONDS
    while (
        time.monotonic() < deadline
        and subprocess.run(["pgrep", "-f", "localcloud-awslogs"], stdout=subprocess.DEVNULL, check=False).returncode
        == 0
    ):
        time.sleep(0.1)
    say("power down")
    sys.exit(0)


def main():
    console = os.open(CONSOLE, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.dup2(console, 1)
    os.dup2(console, 2)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT, signal.SIGCHLD})
    say(f"{os.environ['LOCALCLOUD_INSTANCE_ID']} boots")
    script = None
    try:
        script = start_script()
    except (OSError, ValueError) as error:
        say(f"the user data cannot be run: {error}")
    while True:
        caught = signal.sigwait({signal.SIGTERM, signal.SIGINT, signal.SIGCHLD})
        if caught != signal.SIGCHLD:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM, signal.SIGINT, signal.SIGCHLD})
            shut_down(script)
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if pid == 0:
                break
            if script and pid == script.pid:
                script.returncode = os.waitstatus_to_exitcode(status)
                say(f"user data ended with status {script.returncode} after {time.monotonic() - BOOTED:.1f} s")


BOOTED = time.monotonic()

if __name__ == "__main__":
    main()
