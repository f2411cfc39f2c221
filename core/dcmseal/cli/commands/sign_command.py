"""``dcmseal sign``: signs files."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from dcmseal.cli.completers import complete_mac_algorithms, complete_purposes, set_completer
from dcmseal.cli.options.archive_options import add_archive_options, is_archive
from dcmseal.cli.parser import Parser
from dcmseal.exit_codes import ExitCode

if TYPE_CHECKING:
    from dcmseal.documents.json_types import Json

_DESCRIPTION = """\
Sign DICOM files. Without --tag, the signature covers every element that can be signed. Output files are
written completely or not at all. With several files, the exit code is that of the worst result."""
_EXAMPLES = """
  dcmseal sign image.dcm signed.dcm --key "pem:key.pem?cert=cert.pem"
  dcmseal sign *.dcm -o signed --key reading-room           a key of the configuration file
  dcmseal sign archive --in-place --key reading-room --skip-signed any
  dcmseal sign image.dcm --in-place --key p12:signer.p12 --passphrase-file secret.txt
  dcmseal sign image.dcm --dry-run                          show what would be signed; no key needed
  dcmseal sign archive --dry-run                            show which files can be signed
  dcmseal sign image.dcm signed.dcm --key pem:signer.pem --profile base-rsa --purpose verification
  dcmseal sign report.dcm signed.dcm --key p12:signer.p12 --references study --profile basic-sr-signatures
  dcmseal sign image.dcm signed.dcm --key reading-room --timestamp https://tsa.example/tsr
  dcmseal sign plan.dcm signed.dcm --key pem:signer.pem --item "BeamSequence[0]" --tag BeamName,BeamType"""


def configure(parser: Parser) -> None:
    """Add the arguments."""
    from dcmseal.cli.options import manifest_options, secret_options, timestamp_options
    from dcmseal.cli.options.key_options import KEY_VARIABLE, complete_setup_names
    from dcmseal.cli.options.site_profiles import complete_profile_names

    parser.describe("IN [OUT] | IN... -o FOLDER | IN... --in-place --key KEY [options]", _DESCRIPTION, _EXAMPLES)
    parser.add_argument(
        "words",
        metavar="IN [OUT]",
        nargs="*",
        help="DICOM file and output file; - for standard input or output",
    )
    parser.add_argument(
        "-o",
        "--output-dir",
        metavar="FOLDER",
        help="write signed files to this folder, each to its path below the common root of all inputs",
    )
    parser.add_argument("--in-place", action="store_true", help="modify the files themselves")
    parser.add_force()
    set_completer(
        parser.add_argument(
            "--key",
            metavar="KEY",
            help="key URI, such as pem:key.pem?cert=cert.pem, or the name of a key in the configuration file "
            f"(default: ${KEY_VARIABLE})",
        ),
        complete_setup_names,
    )
    parser.add_config()
    parser.add_argument(
        "--wait-for-device", action="store_true", help="if the card or token is missing, prompt for it and continue"
    )
    secret_options.add_secret_options(parser)
    manifest_options.add_manifest_output_option(parser)

    what = parser.add_argument_group("what to sign")
    what.add_argument(
        "--tag",
        metavar="TAG",
        action="append",
        default=[],
        help="sign only these elements: keywords or gggg,eeee, separated by commas; can be repeated",
    )
    what.add_argument("--tags-from", metavar="FILE", help="read elements from a file, one per line; # starts a comment")
    what.add_argument(
        "--item",
        metavar="PATH",
        default="main",
        help="sign this sequence item, such as BeamSequence[0] (default: main, the main data set)",
    )
    set_completer(
        what.add_argument(
            "--profile", metavar="NAME", help="Digital Signature Profile to meet: a name, or a profile file (*.toml)"
        ),
        complete_profile_names,
    )
    what.add_argument("--only-required", action="store_true", help="sign only what the profile requires, and --tag")
    what.add_argument(
        "--padding",
        choices=("minimal", "keep"),
        default="minimal",
        help="reduce padding of text to the minimum, which all software reads alike (default), or keep it",
    )

    what.add_argument(
        "--references",
        metavar="FOLDER",
        action="append",
        default=[],
        help="before signing a report, fill in the signatures or MACs of the instances it references, found in this "
        "folder; can be repeated",
    )
    what.add_argument("--require-intact", action="store_true", help="do not sign if an existing signature is invalid")

    how = parser.add_argument_group("how to sign")
    set_completer(
        how.add_argument("--mac", metavar="NAME", help="MAC algorithm: SHA256 (default), SHA384 or SHA512"),
        complete_mac_algorithms,
    )
    how.add_argument("--mac-syntax", metavar="UID", help="MAC calculation transfer syntax (default: that of the file)")
    set_completer(
        how.add_argument("--purpose", metavar="PURPOSE", help="purpose of the signature: number or name in CID 7007"),
        complete_purposes,
    )
    how.add_argument("--list-purposes", action="store_true", help="list the purposes and exit")
    how.add_argument("--allow-weak", action="store_true", help="allow RIPEMD160, MD5 and SHA1 for --mac")
    how.add_argument(
        "--allow-expired", action="store_true", help="sign even if the certificate has expired or is not valid yet"
    )

    timestamp_options.add_timestamp_options(parser)

    result = parser.add_argument_group("output")
    result.add_argument("--dry-run", action="store_true", help="show what would be signed; needs no key")
    result.add_argument("-v", "--verbose", action="store_true", help="list every signed element")
    less = result.add_mutually_exclusive_group()
    less.add_argument("-q", "--quiet", action="store_true", help="print nothing; set the exit code only")
    less.add_argument("--json", action="store_true", help="print one JSON document")
    add_archive_options(parser, less)
    parser.add_argument(
        "--skip-signed",
        metavar="WHICH",
        action="append",
        default=[],
        help="with many files, skip those that have an intact signature: any, profile:NAME, purpose:PURPOSE or "
        "signer:SUBJECT; can be repeated",
    )


def run(options: Namespace) -> int:
    """Sign, or list the purposes."""
    if options.list_purposes:
        return _list_purposes(as_json=options.json)
    if options.skip_signed or is_archive("sign", _input_words(options), options):
        from dcmseal.cli.run.sign_archive import sign_archive

        return sign_archive(options)
    from dcmseal.cli.run.sign_files import sign_files

    return sign_files(options)


def _input_words(options: Namespace) -> list[str]:
    """Return the words that are inputs: the last of two is an output, unless options say otherwise."""
    words: list[str] = options.words
    return words[:1] if len(words) == 2 and not options.in_place and options.output_dir is None else words


def _list_purposes(*, as_json: bool) -> int:
    from dcmseal.cli.render.screens import make_document, make_screen, write_json
    from dcmseal.terms import SignaturePurpose

    if as_json:
        purposes: list[Json] = [
            {"value": each.value, "name": each.name.lower(), "meaning": each.meaning} for each in SignaturePurpose
        ]
        write_json(make_document("purposes", purposes=purposes))
    else:
        rows = [(str(each.value), each.name.lower(), each.meaning) for each in SignaturePurpose]
        make_screen().table(("NUMBER", "NAME", "MEANING"), rows)
    return ExitCode.OK
