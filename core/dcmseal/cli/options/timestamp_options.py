"""Options for timestamp requests: authorities, and how to query them."""

from __future__ import annotations

from argparse import Action, Namespace
from typing import TYPE_CHECKING, Final

from dcmseal.cli.completers import complete_digests, set_completer
from dcmseal.cli.parser import Parser

if TYPE_CHECKING:
    from collections.abc import Callable

    from dcmseal.config.pin_source import PinSource
    from dcmseal.plugins.timestamp_backend import TimestampQuery
    from dcmseal.signing.timestamp_request import TimestampRequest

_MAX_SECONDS: Final = 600
_MAX_ATTEMPTS: Final = 20


def add_timestamp_options(parser: Parser) -> None:
    """Add the options that name authorities, and those about requests to them."""
    group = parser.add_argument_group("certified timestamp")
    group.add_argument(
        "--timestamp",
        metavar="URL",
        action="append",
        default=[],
        help="request a timestamp (RFC 3161) from this authority; repeat to name fallbacks",
    )
    add_timestamp_query_options(group.add_argument)
    group.add_argument(
        "--timestamp-timeout",
        metavar="SECONDS",
        type=float,
        default=10.0,
        help="timeout of each step, in seconds (default: 10)",
    )
    group.add_argument(
        "--timestamp-attempts", metavar="N", type=int, default=3, help="attempts per authority (default: 3)"
    )
    login = parser.add_argument_group(
        "login at the timestamp authority", "USER:PASSWORD; sent only if the authority asks for it"
    ).add_mutually_exclusive_group()
    login.add_argument("--timestamp-login-env", metavar="VAR", help="read it from an environment variable")
    login.add_argument("--timestamp-login-file", metavar="FILE", help="read it from the first line of a file")


def add_timestamp_query_options(add_argument: Callable[..., Action]) -> None:
    """Add the options about the contents of a request."""
    add_argument("--timestamp-policy", metavar="OID", default="", help="timestamp policy to request")
    set_completer(
        add_argument(
            "--timestamp-digest",
            metavar="NAME",
            default="SHA256",
            help="digest to timestamp: SHA256 (default), SHA384 or SHA512",
        ),
        complete_digests,
    )


def parse_timestamp_request(options: Namespace) -> TimestampRequest | None:
    """The timestamp to request; None without an authority. Raises UsageError."""
    if not options.timestamp:
        return None
    from msgspec.structs import replace

    from dcmseal.cli.render.screens import warn
    from dcmseal.config.pin_source import StoredSecret
    from dcmseal.errors import UsageError
    from dcmseal.plugins.timestamp_backend import RetryPolicy
    from dcmseal.signing.timestamp_request import TimestampRequest

    if not 0 < options.timestamp_timeout <= _MAX_SECONDS or not 1 <= options.timestamp_attempts <= _MAX_ATTEMPTS:
        raise UsageError(
            "--timestamp-timeout or --timestamp-attempts is out of range",
            hint=f"use up to {_MAX_SECONDS} seconds, and 1 to {_MAX_ATTEMPTS} attempts",
        )
    request = TimestampRequest(
        urls=tuple(options.timestamp),
        query=parse_timestamp_query(options),
        retry_policy=RetryPolicy(seconds=options.timestamp_timeout, attempts=options.timestamp_attempts),
    )
    source = parse_timestamp_login(options)
    if source is None:
        return request
    if len(options.timestamp) > 1:
        raise UsageError("a login requires exactly one --timestamp", hint="remove the other authorities")
    return replace(request, secrets=StoredSecret(source, warn=warn))


def check_timestamp_login(request: TimestampRequest | None) -> None:
    """Read the login now, so that a missing one is reported before anything is signed.

    Raises:
        UsageError: It cannot be read.
    """
    from dcmseal.config.pin_source import StoredSecret

    if request is not None and isinstance(request.secrets, StoredSecret):
        request.secrets.read()


def parse_timestamp_query(options: Namespace) -> TimestampQuery:
    """The query to send; raises UsageError."""
    from dcmseal.errors import UsageError
    from dcmseal.plugins.timestamp_backend import TimestampQuery
    from dcmseal.terms import MacAlgorithm

    name = options.timestamp_digest.upper()
    if name not in MacAlgorithm.__members__:
        raise UsageError(f"unknown digest {options.timestamp_digest!r}", hint="use SHA256, SHA384 or SHA512")
    return TimestampQuery(algorithm=MacAlgorithm(name), policy=options.timestamp_policy)


def parse_timestamp_login(options: Namespace) -> PinSource | None:
    """Where to find the login at the authority; None without one."""
    from dcmseal.config.pin_source import PinKind, PinSource

    if options.timestamp_login_env is not None:
        return PinSource(kind=PinKind.ENVIRONMENT, name=options.timestamp_login_env)
    if options.timestamp_login_file is not None:
        return PinSource(kind=PinKind.FILE, name=options.timestamp_login_file)
    return None
