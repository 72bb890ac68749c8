"""The command line: `python -m localcloud up|down|status|mailbox`."""

from __future__ import annotations

import argparse
import sys
from ipaddress import IPv4Network
from pathlib import Path

from localcloud import mailbox
from localcloud import settings as settings_file
from localcloud.lifecycle import down, up
from localcloud.machines.errors import EngineError
from localcloud.machines.host import HostError
from localcloud.settings import Settings, SettingsError
from localcloud.status import show


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m localcloud",
        description="An AWS on loopback, for rehearsing deployments. It is not AWS.",
        epilog="All but up read a cloud's settings from its state directory; their other options are ignored.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="up|down|status|mailbox")
    for name, text in (
        ("up", "start the local cloud, or say that it runs"),
        ("down", "end it and everything it started"),
        ("status", "list load balancers, target health, groups and instances"),
        ("mailbox", "list the mails that were sent, show one, or follow the link in one that asks for confirmation"),
    ):
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("--state-dir", type=Path, default=Path(".localcloud"), help="default: .localcloud")
        if name == "mailbox":
            command.add_argument("action", choices=("list", "show", "confirm"))
            command.add_argument("number", type=int, nargs="?", help="of the mail, as list shows it")
        command.add_argument("--port", type=int, help="of the AWS API on 127.0.0.1; default: 4566")
        command.add_argument("--address-block", type=_network, help="a /16 in 127.0.0.0/8; default: 127.66.0.0/16")
        command.add_argument("--time-scale", type=float, help="how many times faster delays pass; default: 1")
        command.add_argument("--instance-cpus", type=float, help="processors of one instance; default: its type's")
        command.add_argument("--account", help="12 digits; default: 000000000000")
        command.add_argument("--region", help="default: us-east-1")
        command.add_argument("--engine", choices=("podman", "docker"), help="default: the first that works")
        command.add_argument(
            "--rollback-refresh-honours-alarms",
            action="store_true",
            help="a stack's rollback is refused while an alarm of its instance refresh fires; default: it ignores them",
        )
        command.add_argument("--smtp", help="host:port of a mail server on loopback that is sent every mail too")
        if name == "status":
            command.add_argument("--json", action="store_true", help="for programs")
    return parser


def _network(text: str) -> IPv4Network:
    try:
        return IPv4Network(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _wanted(arguments: argparse.Namespace) -> Settings:
    names = ("port", "address_block", "time_scale", "instance_cpus", "account", "region", "engine", "smtp")
    given = {name: getattr(arguments, name) for name in names if getattr(arguments, name) is not None}
    return Settings(
        state_dir=arguments.state_dir.resolve(),
        rollback_refresh_honours_alarms=arguments.rollback_refresh_honours_alarms,
        **given,
    )


def _say(text: str) -> None:
    print(text, flush=True)


def main() -> None:
    """Exit code 0: done; 1: not possible, with one sentence that says what to change; 3 (status): it does not run."""
    arguments = _parser().parse_args()
    try:
        if arguments.command == "up":
            up(_wanted(arguments), _say)
        elif arguments.command == "down":
            down(arguments.state_dir.resolve(), _say)
        elif arguments.command == "mailbox":
            mailbox.run(settings_file.load(arguments.state_dir), arguments.action, arguments.number, _say)
        else:
            sys.exit(show(settings_file.load(arguments.state_dir), as_json=arguments.json))
    except (HostError, SettingsError, EngineError, mailbox.MailboxError) as error:
        sys.exit(f"localcloud: {error}")
    except PermissionError as error:
        sys.exit(f"localcloud: {error}: run it as a user who may, or choose another --state-dir")
