"""How gunicorn serves the application behind an Application Load Balancer."""

import logging
import os

wsgi_app = "hello:create_app()"

# The machine's boot script names the instance's private address. By default nobody else can connect.
bind = f"{os.environ.get('APP_BIND_ADDRESS', '127.0.0.1')}:{os.environ.get('APP_PORT', '8080')}"

# --- Capacity ---

# One process per vCPU: a Flask process is bound to one by the interpreter's lock, and all sizes of t3 and
# t4g up to large have two. More processes would not add CPU, only memory: 30 MiB each of a micro's 1 GiB.
# Not os.cpu_count(): in a container it counts the host's, so a laptop would start a crowd per instance.
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))

# Threads wait for input and output while others compute. Kept-alive connections that are idle hold none.
worker_class = "gthread"
threads = 8

# --- Coupled numbers, all in seconds. Each one is right only in relation to the others. ---

# Longer than the load balancer's idle time-out (60): the side that reuses a connection must be the one that
# closes it first, or a request meets a connection that is just being closed, and a client gets a 502.
# gunicorn's default of 2 makes that a certainty under load.
keepalive = 75

# After SIGTERM running requests may take this long. longest request < 30 < `docker stop` (40) < stop of the
# machine's service (60): whoever is next in line must not kill what the one before still waits for.
graceful_timeout = 30

# A worker that has not reported for this long is killed. gthread reports while requests run, so this catches
# a worker that hangs as a whole, not a request that takes long.
timeout = 30

# --- A container with a read-only root file system ---

# Workers report by touching a file here. /dev/shm is writable under a read-only root, and it is memory: on a
# disk whose queue is full that touch can block for long enough to have healthy workers killed.
worker_tmp_dir = "/dev/shm"  # noqa: S108 (gunicorn makes its file with mkstemp and unlinks it at once)

# Its socket would need a writable home, and a fleet is changed by replacing instances, not from inside one.
control_socket_disable = True

# --- What is believed of a request ---

# Only the load balancer can reach the port (security group), and its addresses change: so every peer is
# believed, but in nothing except the one header that the load balancer itself always sets. Without it,
# redirects would lead to http://, where nothing listens. The defaults would also let a client's own
# X-Forwarded-Ssl contradict it (400) or its SCRIPT_NAME move the application's root.
forwarded_allow_ips = "*"
secure_scheme_headers = {"X-FORWARDED-PROTO": "https"}
forwarder_headers = ""

# --- Logs ---

# The container's log driver takes both streams to the log group. The trace id is the one in the load
# balancer's own access log; what a client can write stands in quotes, which gunicorn escapes.
accesslog = "-"
errorlog = "-"
access_log_format = '"%({x-forwarded-for}i)s" "%(r)s" %(s)s %(b)s %(M)sms "%(a)s" "%({x-amzn-trace-id}i)s"'


def is_worth_a_line(record: logging.LogRecord) -> bool:
    """Drop health checks that passed: one per zone and interval, for ever, drowns what people did."""
    atoms = record.args
    if not isinstance(atoms, dict):
        return True
    return not (atoms.get("U") == "/healthz" and str(atoms.get("s")) == "200")


def on_starting(server: object) -> None:
    """Quieten the access log before the workers are forked, so that they inherit it."""
    logging.getLogger("gunicorn.access").addFilter(is_worth_a_line)
