"""``dcmseal verify``: verifies signatures, and shows who made them and what they cover."""

from __future__ import annotations

from argparse import Namespace
from typing import Final

from dcmseal.cli.options.archive_options import (
    add_archive_options,
    is_archive,
    parse_archive_options,
    reject_single_file_options,
)
from dcmseal.cli.options.evidence_options import add_evidence_options
from dcmseal.cli.options.manifest_options import add_manifest_input_option
from dcmseal.cli.options.policy_options import add_policy_options
from dcmseal.cli.options.report_options import add_report_options
from dcmseal.cli.options.trust_options import add_trust_options
from dcmseal.cli.parser import Parser
from dcmseal.errors import UsageError

_SINGLE_FILE_OPTIONS: Final = (
    *("save_evidence", "evidence", "evidence_timestamp", "trust_evidence_moment", "trust_evidence_anchors"),
    "manifest",
)
"""Options that apply to single files only."""
_EXAMPLES = """
  dcmseal verify signed.dcm
  dcmseal verify signed.dcm --trust-anchor hospital-ca.pem --crl hospital.crl
  dcmseal verify archive --trust hospital               a folder; trust from the configuration file
  dcmseal verify signed.dcm --integrity-only            accept any signer
  dcmseal verify signed.dcm --html report.html          a report to read or print
  dcmseal verify archive --html archive.html            totals and problems
  dcmseal verify *.dcm --quiet && echo all are valid
  dcmseal verify plan.dcm --item "BeamSequence[0]" --require base-rsa
  dcmseal verify report.dcm --require "purpose:verification + signer:CN=Dr. Example" --policy release
  dcmseal verify report.dcm --references study          check the instances that it references
  dcmseal verify signed.dcm --trust hospital --save-evidence signed.evidence
  dcmseal verify signed.dcm --trust hospital --evidence signed.evidence
  dcmseal verify s3://archive/study/ --json-lines       objects in a storage
  dcmseal verify - --json < signed.dcm
  find /archive -newer last -print0 | dcmseal verify --files-from - --json-lines > results.jsonl"""


def configure(parser: Parser) -> None:
    """Add the arguments."""
    parser.describe(
        "FILE... [options]",
        "Verify signatures: show whether the data is unchanged, who signed it, and what is not covered.\n"
        "With several files, the exit code is that of the worst result.",
        _EXAMPLES,
    )
    parser.add_argument("files", metavar="FILE", nargs="*", help="DICOM file, folder or URL; - for standard input")
    parser.add_uid("verify only the signature with this Digital Signature UID")
    parser.add_argument(
        "--item", metavar="PATH", help="verify only signatures in this item, such as BeamSequence[0], or main"
    )
    add_trust_options(parser)
    add_policy_options(parser)
    add_evidence_options(parser)
    parser.add_argument(
        "--integrity-only", action="store_true", help="check integrity only; do not require a trusted signer"
    )
    parser.add_config()
    parser.add_argument(
        "--accept-old-format",
        action="store_true",
        help="accept signatures made by DCMTK before 3.5.4 over compressed pixel data",
    )
    parser.add_argument(
        "--references",
        metavar="FOLDER",
        action="append",
        default=[],
        help="check the instances that a report references, found in this folder; can be repeated",
    )
    add_manifest_input_option(parser)
    parser.add_argument(
        "--sha256",
        action="store_true",
        help="include the SHA-256 of the file, which reads the file twice; --html always includes it",
    )
    parser.add_argument(
        "--timestamp-mode",
        dest="timestamp",
        choices=("verify", "require", "ignore"),
        default="verify",
        help="verify certified timestamps if present (default), require them, or ignore them",
    )
    parser.add_argument(
        "--timestamp-certificate",
        metavar="FILE",
        action="append",
        default=[],
        help="use this certificate of a timestamp authority, for timestamps that do not contain it; can be repeated",
    )
    add_report_options(parser)
    parser.add_argument("-v", "--verbose", action="store_true", help="show all findings and elements")
    less = parser.add_mutually_exclusive_group()
    less.add_argument("-q", "--quiet", action="store_true", help="print nothing; set the exit code only")
    less.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument(
        "--full",
        action="store_true",
        help="with JSON about several files, list all findings and elements; JSON about one file always does",
    )
    add_archive_options(parser, less)


def run(options: Namespace) -> int:
    """Verify; the exit code is that of the worst file."""
    if options.full and not (options.json or options.json_lines):
        raise UsageError("--full is about JSON", hint="add --json or --json-lines; for text, use --verbose")
    from dcmseal.cli.options.evidence_options import parse_evidence_options
    from dcmseal.cli.options.output_form import parse_output_form
    from dcmseal.cli.options.policy_options import load_policy
    from dcmseal.cli.options.report_options import parse_report_options
    from dcmseal.cli.options.verdict_settings import parse_verdict_settings
    from dcmseal.cli.options.verify_options import parse_verify_options
    from dcmseal.cli.run.verify_request import VerifyRequest

    has_many = is_archive("verify", options.files, options)
    if has_many:
        reject_single_file_options(options, *_SINGLE_FILE_OPTIONS)
    policy = load_policy(options)
    request = VerifyRequest(
        files=tuple(options.files),
        options=parse_verify_options(options, policy.policy if policy else None),
        settings=parse_verdict_settings(options, policy),
        evidence=parse_evidence_options(options),
        form=parse_output_form(options),
        reports=parse_report_options(options),
        archive=parse_archive_options("verify", options.files, options) if has_many else None,
        config=options.config,
        file_digest=options.sha256,
        manifest=options.manifest,
        timestamp_certificates=tuple(options.timestamp_certificate),
    )
    if request.archive is not None:
        from dcmseal.cli.run.verify_archive import verify_archive

        return verify_archive(request, request.archive)
    from dcmseal.cli.run.verify_files import verify_files

    return verify_files(request)
