"""``dcmseal journal``: shows, exports and merges the journals of runs over many files."""

from __future__ import annotations

from argparse import Namespace

from dcmseal.cli.parser import Parser
from dcmseal.exit_codes import ExitCode

_DESCRIPTION = """\
Read the journals that sign, verify and list write about runs over many files.
status: show the progress and the results so far, also of a run that is still going on.
export: write the result of each file, as JSON Lines or CSV.
merge: merge the journals of several shards."""
_EXAMPLES = """
  dcmseal journal status run.journal
  dcmseal journal export run.journal --attention
  dcmseal journal export run.journal --csv -o results.csv
  dcmseal journal merge shard-*.journal -o archive.journal"""


def configure(parser: Parser) -> None:
    """Add the arguments."""
    parser.describe("status FILE | export FILE [-o OUT] | merge FILE... -o OUT [options]", _DESCRIPTION, _EXAMPLES)
    parser.add_argument("action", choices=("status", "export", "merge"), help="action")
    parser.add_argument("files", metavar="FILE", nargs="+", help="journal")
    parser.add_argument("-o", "--output", metavar="OUT", help="export, merge: output file")
    parser.add_argument("--attention", action="store_true", help="export: only files that are invalid or failed")
    parser.add_argument("--csv", action="store_true", help="export: write CSV, one line per file")
    parser.add_force()
    parser.add_argument("--json", action="store_true", help="status, merge: print one JSON document")


def run(options: Namespace) -> int:
    """Run one of the three actions."""
    from dcmseal.errors import UsageError

    if options.action != "merge" and len(options.files) > 1:
        raise UsageError("expected one journal", hint="use merge to combine several")
    match options.action:
        case "status":
            _show_status(options.files[0], as_json=options.json)
        case "export":
            _export(options)
        case _:
            _merge(options)
    return ExitCode.OK


def _show_status(path: str, *, as_json: bool) -> None:
    from dcmseal.batch.journal.journal_reader import JournalReader
    from dcmseal.cli.render.screens import make_screen, write_json

    _warn_about_writers(path)
    with JournalReader.open(path) as journal:
        status = journal.status()
    if as_json:
        from dcmseal.batch.journal.journal_export import build_status_document

        write_json(build_status_document(status, path))
    else:
        from dcmseal.cli.render.journal_text import show_status

        show_status(path, status, make_screen())


def _export(options: Namespace) -> None:
    from dcmseal.batch.journal.journal_export import iter_csv_lines, iter_json_lines
    from dcmseal.batch.journal.journal_reader import JournalReader
    from dcmseal.cli.file_arguments import open_new_file

    _warn_about_writers(options.files[0])
    with (
        JournalReader.open(options.files[0]) as journal,
        open_new_file(options.output, force=options.force, binary=False, made_from=options.files) as output,
    ):
        entries = journal.iter_entries(attention_only=options.attention)
        for line in (iter_csv_lines if options.csv else iter_json_lines)(entries):
            output.write(line.encode("utf-8", "surrogateescape"))


def _merge(options: Namespace) -> None:
    from dcmseal.batch.journal.journal_merge import merge_journals
    from dcmseal.cli.render.screens import warn
    from dcmseal.errors import UsageError

    if options.output is None:
        raise UsageError("no output given", hint="specify -o FILE for the merged journal")
    missing = merge_journals(options.files, options.output)
    if missing:
        warn(f"the journals of these shards are missing: {', '.join(missing)}")
    _show_status(options.output, as_json=options.json)


def _warn_about_writers(path: str) -> None:
    """Warn if another user could have written the journal; runs refuse such a journal."""
    from dcmseal.batch.journal.journal_database import find_journal_writer
    from dcmseal.cli.render.screens import warn

    found = find_journal_writer(path)
    if found:
        warn(f"do not rely on the journal {path}: {found.message}")
