#!/usr/bin/python3
"""The `awslogs` log driver: follows a container's output and puts it into CloudWatch Logs.

With this machine's own role, as Docker's driver does. Never in the way of the container: its output goes into a
file of the engine's, so that a log service that is slow or away costs log lines and nothing else, which is what
`mode=non-blocking` promises. Batches: 1 s or 1000 lines.
"""

import contextlib
import datetime
import json
import os
import select
import subprocess
import sys
import time

sys.path.insert(0, "/opt/aws-cli")

from awscli.botocore.session import Session

ENGINE = os.environ["LOCALCLOUD_ENGINE"]
SOCKET = "unix:///run/localcloud/engine/engine.sock"
CLIENT = (
    ["/usr/bin/podman", "--remote", "--url", SOCKET] if ENGINE == "podman" else ["/usr/bin/docker", "--host", SOCKET]
)
BATCH_LINES = 1000
BATCH_SECONDS = 1.0
LINE_LIMIT = 200_000
"""Characters; CloudWatch Logs takes 256 KiB an event, and its batches 1 MiB."""


class Stream:
    """A log stream, made when the first line comes."""

    def __init__(self, options):
        self.group, self.stream = options["awslogs-group"], options["awslogs-stream"]
        self.create_group = options.get("awslogs-create-group") == "true"
        self.client = Session().create_client("logs", region_name=options.get("awslogs-region"))
        self.made = False

    def put(self, events):
        for attempt in range(3):
            try:
                self.make()
                self.client.put_log_events(logGroupName=self.group, logStreamName=self.stream, logEvents=events)
                return
            except Exception as error:  # whatever it is: the application must not notice
                print(f"awslogs: {self.group}/{self.stream}: {error}", file=sys.stderr, flush=True)
                time.sleep(2**attempt)

    def make(self):
        if self.made:
            return
        for create, arguments in (
            (self.client.create_log_group if self.create_group else None, {}),
            (self.client.create_log_stream, {"logStreamName": self.stream}),
        ):
            if create:
                with contextlib.suppress(self.client.exceptions.ResourceAlreadyExistsException):
                    create(logGroupName=self.group, **arguments)
        self.made = True


def event(line):
    """(engine's time stamp, log event) of a line of `logs --timestamps`."""
    stamp, _, text = line.partition(" ")
    try:
        moment = datetime.datetime.fromisoformat(
            stamp[:26].rstrip("Z").rstrip("+") + "+00:00" if "Z" in stamp else stamp[:19] + stamp[stamp.rfind("+") :]
        )
    except ValueError:
        moment, text = datetime.datetime.now(datetime.UTC), line
    return stamp, {"timestamp": int(moment.timestamp() * 1000), "message": text[:LINE_LIMIT] or " "}


def follow(container, since, stream):
    """Until the container ends: the last line's time stamp."""
    command = [*CLIENT, "logs", "--follow", "--timestamps", *(["--since", since] if since else []), container]
    reader = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    pending, rest, sent = [], b"", time.monotonic()
    descriptor = reader.stdout.fileno()
    ended = False
    while not ended or pending:
        ready = [] if ended else select.select([descriptor], [], [], BATCH_SECONDS)[0]
        if ready:
            data = os.read(descriptor, 65536)
            ended = not data
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                stamp, entry = event(line.decode(errors="replace"))
                if stamp > since:
                    pending.append(entry)
                    last = stamp
            if lines and pending:
                since_next = last
        if pending and (ended or len(pending) >= BATCH_LINES or time.monotonic() - sent >= BATCH_SECONDS):
            batch, pending = sorted(pending[:BATCH_LINES], key=lambda one: one["timestamp"]), pending[BATCH_LINES:]
            stream.put(batch)
            since, sent = since_next, time.monotonic()
    reader.wait()
    return since


def inspected(container):
    """ "running policy", or "" when there is no such container; an engine that does not answer is asked again."""
    while True:
        done = subprocess.run(
            [*CLIENT, "inspect", "--format", "{{.State.Running}} {{.HostConfig.RestartPolicy.Name}}", container],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode == 0:
            return done.stdout.strip()
        if "no such" in done.stderr.lower():
            return ""
        time.sleep(1)


def ended(container):
    """Gone, or stopped and not to be started again by its restart policy."""
    running, _, policy = inspected(container).partition(" ")
    return running != "true" and policy not in ("always", "unless-stopped", "on-failure")


def main():
    container, options = sys.argv[1], json.loads(sys.argv[2])
    stream = Stream(options)
    since = ""
    while True:
        since = follow(container, since, stream)
        if ended(container):
            break
        time.sleep(0.5)


if __name__ == "__main__":
    main()
