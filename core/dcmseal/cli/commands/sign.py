"""``dcmseal sign``: a signature made with a key, and put into a file."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, TypedDict

from dcmseal.cli.exit_codes import ExitCode
from dcmseal.cli.parser import Parser, completed_by

if TYPE_CHECKING:
    from dcmseal.engine.changing import SigningResult
    from dcmseal.engine.documents import Json
    from dcmseal.engine.references.folders import Folders

_KEY_VARIABLE = "DCMSEAL_KEY"
_DESCRIPTION = """\
Make a signature and put it into the file. Without --tag it covers every element that can be signed.
The result is complete, or not written at all."""
_EXAMPLES = """
  dcmseal sign image.dcm signed.dcm --key "pem:key.pem?cert=cert.pem"
  dcmseal sign image.dcm --in-place --key p12:signer.p12 --passphrase-file secret.txt
  dcmseal sign image.dcm --dry-run                          what would be signed; needs no key
  dcmseal sign image.dcm signed.dcm --key pem:signer.pem --profile base-rsa --purpose verification
  dcmseal sign plan.dcm signed.dcm --key pem:signer.pem --item "BeamSequence[0]" --tag BeamName,BeamType"""


class _Wish(TypedDict):
    """What both a plan and a signature are made from."""

    location: str
    tags: list[str] | None
    only_required: bool
    profile: str | None
    algorithm: str
    transfer_syntax: str | None
    purpose: str | None
    allow_weak: bool
    padding: str
    references: Folders | None


def configure(parser: Parser) -> None:
    """Add the arguments."""
    from dcmseal.cli import secrets
    from dcmseal.cli.commands.verify import profile_names

    parser.explain("IN [OUT] --key URI [options]", _DESCRIPTION, _EXAMPLES)
    parser.add_argument("source", metavar="IN", nargs="?", help="DICOM file, or - for standard input")
    parser.add_argument("output", metavar="OUT", nargs="?", help="where the signed file goes; - for standard output")
    parser.add_argument("--in-place", action="store_true", help="change IN itself")
    parser.add_force()
    parser.add_argument(
        "--key", metavar="URI", help=f"where the key is, as in pem:key.pem?cert=cert.pem (default: ${_KEY_VARIABLE})"
    )
    secrets.add_arguments(parser)

    what = parser.add_argument_group("what is signed")
    what.add_argument(
        "--tag",
        metavar="TAG",
        action="append",
        default=[],
        help="only these elements: keyword or gggg,eeee; several, and several times",
    )
    what.add_argument("--tags-from", metavar="FILE", help="elements from a file, one a line; # starts a comment")
    what.add_argument("--item", metavar="PATH", default="main", help="sign this item, as in BeamSequence[0]")
    completed_by(
        what.add_argument(
            "--profile", metavar="NAME", help="what the signature has to meet: a profile, or a file (*.toml)"
        ),
        profile_names,
    )
    what.add_argument("--only-required", action="store_true", help="only what the profile demands, and --tag")
    what.add_argument(
        "--padding",
        choices=("minimal", "keep"),
        default="minimal",
        help="bring padding of texts to the minimum that all software agrees on (default), or keep it",
    )

    what.add_argument(
        "--reference",
        metavar="FOLDER",
        action="append",
        default=[],
        help="first fill in signatures or MACs of the evidence that a report cites, from the instances in this folder; "
        "may be repeated",
    )

    how = parser.add_argument_group("how it is signed")
    how.add_argument("--mac", metavar="NAME", default="SHA256", help="SHA256 (default), SHA384 or SHA512")
    how.add_argument("--mac-syntax", metavar="UID", help="MAC calculation transfer syntax (default: the file's)")
    how.add_argument("--purpose", metavar="PURPOSE", help="why it is signed: number or name of CID 7007")
    how.add_argument("--list-purposes", action="store_true", help="list the purposes, and do nothing else")
    how.add_argument("--allow-weak", action="store_true", help="sign with RIPEMD160, MD5 or SHA1 if asked to")
    how.add_argument("--allow-expired", action="store_true", help="sign though the certificate is not valid now")

    result = parser.add_argument_group("what is written")
    result.add_argument("--dry-run", action="store_true", help="show what would be signed; needs no key")
    result.add_argument("-v", "--verbose", action="store_true", help="name every element that was signed")
    result.add_argument("--json", action="store_true", help="write one JSON document to standard output")


def run(options: Namespace) -> int:
    """Sign, or do what is asked for instead."""
    from dcmseal.errors import UsageError

    if options.list_purposes:
        return _list_purposes(as_json=options.json)
    if options.source is None:
        raise UsageError("no file is named", hint="dcmseal sign IN OUT --key URI")
    return _plan(options) if options.dry_run else _sign(options)


def _plan(options: Namespace) -> int:
    from dcmseal.cli.files import input_file, name_of
    from dcmseal.cli.output import screen, write_json
    from dcmseal.engine.changing import plan

    with input_file(options.source) as source, plan(source, **_wish(options)) as planned:
        if options.json:
            from dcmseal.engine.documents import plan_document

            write_json(plan_document(planned))
        else:
            from dcmseal.cli.signing_text import show_plan

            show_plan(name_of(options.source), planned, screen())
    return ExitCode.OK


def _sign(options: Namespace) -> int:
    from dcmseal.cli.files import STDIO, input_file, result_file
    from dcmseal.cli.output import write_json
    from dcmseal.cli.secrets import secrets_of
    from dcmseal.engine.changing import sign
    from dcmseal.errors import UsageError

    if options.json and options.output == STDIO:
        raise UsageError("the file and the JSON document cannot both go to standard output", hint="name an output file")
    key = _key(options)
    wish = _wish(options)
    with (
        result_file(options.source, options.output, in_place=options.in_place, force=options.force) as target,
        input_file(options.source) as source,
    ):
        result = sign(
            source,
            key=key,
            output=target,
            in_place=options.in_place,
            allow_expired=options.allow_expired,
            secrets=secrets_of(options),
            **wish,
        )
    if options.json:
        from dcmseal.engine.documents import signing_document

        write_json(signing_document(result))
    else:
        _report(result, options)
    return ExitCode.OK


def _report(result: SigningResult, options: Namespace) -> None:
    """Say what was done: on standard error if the file itself went to standard output."""
    import shlex
    import sys

    from dcmseal.cli.files import STDIO
    from dcmseal.cli.output import screen
    from dcmseal.cli.signing_text import show_result

    to_stdout = options.output == STDIO
    to = screen(sys.stderr if to_stdout else None)
    target = options.source if options.in_place else options.output
    show_result("standard output" if to_stdout else target, result, to, verbose=options.verbose)
    if not to_stdout:
        to.line(f"verify it with: dcmseal verify {shlex.quote(target)} --integrity-only")


def _key(options: Namespace) -> str:
    import os

    from dcmseal.errors import UsageError

    key: str | None = options.key or os.environ.get(_KEY_VARIABLE)
    if not key:
        raise UsageError(
            "no key is named",
            hint=f"--key pem:key.pem?cert=cert.pem, or the environment variable {_KEY_VARIABLE}; --dry-run needs none",
        )
    return key


def _wish(options: Namespace) -> _Wish:
    from dcmseal.cli.progress import folders
    from dcmseal.cli.tag_lists import tags_in_file, tags_in_words

    tags = tags_in_words(options.tag)
    if options.tags_from is not None:
        tags += tags_in_file(options.tags_from)
    return {
        "location": options.item,
        "tags": tags if options.tag or options.tags_from is not None else None,
        "only_required": options.only_required,
        "profile": options.profile,
        "algorithm": options.mac,
        "transfer_syntax": options.mac_syntax,
        "purpose": options.purpose,
        "allow_weak": options.allow_weak,
        "padding": options.padding,
        "references": folders(options.reference),
    }


def _list_purposes(*, as_json: bool) -> int:
    from dcmseal.cli.output import document, screen, write_json
    from dcmseal.terms import SignaturePurpose

    if as_json:
        purposes: list[Json] = [
            {"value": each.value, "name": each.name.lower(), "meaning": each.meaning} for each in SignaturePurpose
        ]
        write_json(document("purposes", purposes=purposes))
    else:
        rows = [(str(each.value), each.name.lower(), each.meaning) for each in SignaturePurpose]
        screen().table(("NUMBER", "NAME", "MEANING"), rows)
    return ExitCode.OK
