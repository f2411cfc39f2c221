"""``dcmseal verify``: whether signatures are valid, who made them, and what they cover."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from os.path import isdir
from typing import TYPE_CHECKING

from dcmseal.batch.exit_codes import ExitCode
from dcmseal.cli.options.archive_options import add_archive_options, is_archive
from dcmseal.cli.options.evidence_options import add_evidence_options
from dcmseal.cli.options.manifest_options import add_manifest_input_option, find_manifest
from dcmseal.cli.options.policy_options import add_policy_options, load_policy
from dcmseal.cli.options.report_options import add_report_options, make_report_collector
from dcmseal.cli.options.trust_options import add_trust_options
from dcmseal.cli.parser import Parser
from dcmseal.errors import UsageError

if TYPE_CHECKING:
    from dcmseal.cli.options.report_options import ReportCollector
    from dcmseal.documents.json_types import Document
    from dcmseal.errors import SealError
    from dcmseal.model.report import VerificationReport

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
    if is_archive("verify", options.files, options):
        from dcmseal.cli.run.verify_archive import verify_archive

        return verify_archive(options)
    from dcmseal.batch.exit_codes import error_exit_code, verdict_exit_code, worst_exit_code
    from dcmseal.model.report import VerificationReport

    codes: list[ExitCode] = []
    documents: list[Document] = []
    reports = make_report_collector(options)
    for number, (file, result) in enumerate(_iter_results(options, reports)):
        codes.append(
            verdict_exit_code(result.verdict) if isinstance(result, VerificationReport) else error_exit_code(result)
        )
        if options.json:
            full = options.full or len(options.files) == 1
            documents.append(_build_document(file, result, codes[-1], full=full))
        else:
            _show_result(file, result, options, first=not number)
    if options.json:
        _write_documents(documents, options)
    if reports is not None:
        reports.write()
    return worst_exit_code(codes)


def _build_document(file: str, result: VerificationReport | SealError, code: ExitCode, *, full: bool) -> Document:
    from dcmseal.documents.document_builders import error_document, report_document
    from dcmseal.model.report import VerificationReport

    if isinstance(result, VerificationReport):
        if full:
            return report_document(result, file)
        from dcmseal.documents.verdict_document import verdict_document

        return verdict_document(result, file)
    from dcmseal.cli.error_hints import to_shell_hint

    return error_document(to_shell_hint(result), code, file)


def _write_documents(documents: list[Document], options: Namespace) -> None:
    from dcmseal.cli.render.report_context import build_report_context
    from dcmseal.cli.render.screens import write_json
    from dcmseal.documents.document_builders import files_document
    from dcmseal.documents.document_parts import context_value

    context = build_report_context(options)
    if len(documents) > 1:
        write_json(files_document(documents, context))
    else:
        (document,) = documents
        # an error has nothing that was judged
        write_json({**document, "context": context_value(context)} if "context" in document else document)


def _iter_results(
    options: Namespace, reports: ReportCollector | None
) -> Iterator[tuple[str, VerificationReport | SealError]]:
    """Each file's report, or why there is none; what is wrong with the request itself is raised."""
    from dcmseal.api.verify import verify
    from dcmseal.cli.file_arguments import STDIO, display_name, open_input_file
    from dcmseal.cli.options.evidence_options import parse_evidence_options
    from dcmseal.cli.options.site_profiles import load_registry
    from dcmseal.cli.options.verify_options import build_verify_options
    from dcmseal.errors import DatasetError

    if options.files.count(STDIO) > 1:
        raise UsageError("standard input can be read only once", hint="give - once")
    setup = load_policy(options)
    keeping = parse_evidence_options(options)
    verify_options = build_verify_options(
        options,
        policy=setup.policy if setup else None,
        trust=keeping.open_trust(options, setup.trust if setup else ""),
        # looking for plugins takes longer than all else that a small file needs
        name_profiles=options.verbose or options.json or reports is not None,
        count_coverage=not options.quiet,
        file_digest=options.sha256 or reports is not None,
    )
    registry = load_registry(options) if setup else None
    if options.manifest is not None and len(options.files) > 1 and not isdir(options.manifest):
        raise UsageError(f"{options.manifest} is not a folder", hint="with several files, --manifest takes a folder")
    for file in options.files:
        try:
            with open_input_file(file) as source:
                report = verify(
                    source,
                    registry=registry,
                    keep_evidence=keeping.saves_evidence,
                    evidence=keeping.evidence,
                    manifest=find_manifest(options.manifest, file),
                    options=verify_options,
                )
                if reports is not None:
                    reports.add(display_name(file), report, source)
            keeping.save(report)
        except DatasetError as error:
            if len(options.files) == 1:
                raise
            if reports is not None:
                reports.add_problem(display_name(file), error)
            yield file, error
        else:
            yield file, report


def _show_result(file: str, result: VerificationReport | SealError, options: Namespace, *, first: bool) -> None:
    from dcmseal.cli.error_handling import print_error
    from dcmseal.cli.file_arguments import display_name
    from dcmseal.cli.render.report_text import show_context, show_report
    from dcmseal.cli.render.screens import make_screen
    from dcmseal.errors import SealError

    if isinstance(result, SealError):
        print_error(result, file=display_name(file))
    elif not options.quiet:
        to = make_screen()
        if not first:
            to.line()
        show_report(display_name(file), result, to, verbose=options.verbose)
        if options.verbose:
            from dcmseal.cli.render.report_context import build_report_context

            show_context(build_report_context(options), to)
