"""Checks of all paths of a command line, so that no output overwrites an input, a key or another output.

They run before the command, when nothing has been opened for writing yet.
"""

from __future__ import annotations

import os
import stat
from argparse import Namespace
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Final, cast

from dcmseal.cli.file_arguments import STDIO, remote_url, to_local_path
from dcmseal.cli.standard_streams import standard_output
from dcmseal.output.collisions import ProtectedPath

if TYPE_CHECKING:
    from dcmseal.config.config_file import Config

_STDIN: Final = "/dev/stdin"
_STDOUT: Final = "/dev/stdout"
_INPUT_OPTIONS: Final = {
    "files": "an input",
    "files_from": "the list of files",
    "tags_from": "the list of elements",
    "references": "a referenced instance",
    "evidence": "the evidence",
    "trust_anchor": "a trust anchor",
    "intermediate": "a certificate",
    "timestamp_certificate": "a certificate",
    "crl": "a revocation list",
    "ocsp_response": "an OCSP response",
    "response": "the authority's response",
    "query": "the query",
    "uid_file": "the UID file",
    "passphrase_file": "the file with the passphrase",
    "timestamp_login_file": "the file with the login",
    "config": "the configuration file",
    "profile": "a profile",
    "require": "a profile",
}
"""Options that name inputs."""
_THE_INPUT: Final = "the input"
_INPUTS: Final = (_THE_INPUT, _INPUT_OPTIONS["files"])
_OUTPUT_OPTIONS: Final = ("output", "html", "save_evidence", "write_uid_file", "journal")
_COMMANDS_WITH_OUTPUT: Final = ("sign", "remove", "timestamp")
"""Commands whose last word, of several, is the output."""


def check_paths(command: str, options: Namespace) -> None:
    """Refuse outputs that are inputs, keys, certificates, lists or each other; raises UsageError."""
    outputs = list(iter_output_paths(command, options))
    if not outputs:
        return
    from dcmseal.errors import UsageError
    from dcmseal.output.collisions import check_outputs, check_replaceable, is_inside

    inputs = list(iter_input_paths(command, options))
    existing = [each for each in outputs if os.path.exists(each)]
    if existing:
        # only existing files can be named in a configuration file
        inputs += _config_paths(options)
    check_outputs(outputs, inputs)
    # inputs in folders are checked when the folders are listed
    folders = [each for each in inputs if each.what not in _INPUTS and os.path.isdir(each.path)]
    for output in existing:
        for each in folders:
            if is_inside(output, each.path):
                raise UsageError(f"{output} is {each.what} in {each.path}", hint=each.hint)
        # a journal is continued, and a file that standard output appends to is not overwritten
        if output not in (getattr(options, "journal", None), _standard_output_path()):
            check_replaceable(output)


def iter_output_paths(command: str, options: Namespace) -> Iterator[str]:
    """The local paths that are written, as far as they are known before inputs are listed."""
    if getattr(options, "dry_run", False):
        return
    inputs, results = _split_words(command, options)
    words: list[str | None] = [*results, *(getattr(options, name, None) for name in _OUTPUT_OPTIONS)]
    words += [each.partition(":")[2] for each in getattr(options, "report", ())]
    if command == "sign" and options.save_manifest is not None:
        words += _manifest_paths(options.save_manifest, results or inputs)
    paths = [*filter(_is_file_or_free, _iter_paths(filter(None, words)))]
    yield from paths
    stdout = _standard_output_path()
    # it may also be named as an output
    if stdout is not None and stdout not in paths:
        yield stdout


def _standard_output_path() -> str | None:
    """The path of standard output if it is a regular file; None otherwise."""
    stream = standard_output()
    with suppress(OSError, ValueError):
        if stream is not None and stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            # results are written to a copy of the descriptor
            path = _STDOUT if stream.fileno() == 1 else f"/dev/fd/{stream.fileno()}"
            return path if os.path.exists(path) else None
    return None


def iter_input_paths(command: str, options: Namespace) -> Iterator[ProtectedPath]:
    """All inputs that the command line names, each with a description."""
    words, _ = _split_words(command, options)
    for path in _iter_paths(words, stdin=True):
        if command in _COMMANDS_WITH_OUTPUT and len(words) == 1:
            yield ProtectedPath(path, _THE_INPUT, "use --in-place to modify the file, or give another output file")
        else:
            yield ProtectedPath(path, _INPUT_OPTIONS["files"])
    for name, what in _INPUT_OPTIONS.items():
        value: object = getattr(options, name, None)
        values = cast("list[str]", value) if isinstance(value, list) else [value]
        for path in _iter_paths(filter(None, map(_text_or_empty, values)), stdin=True):
            yield ProtectedPath(path, what)
    if command == "verify" and options.manifest is not None:
        yield ProtectedPath(options.manifest, "the manifest")
    if hasattr(options, "key"):
        yield from _iter_key_files(options)


def protected_files(command: str, options: Namespace) -> tuple[ProtectedPath, ...]:
    """All files that a run over many files needs and that no result may overwrite."""
    journal: str | None = options.journal
    journals = [] if journal is None else [ProtectedPath(f"{journal}{end}", "the journal") for end in ("", "-journal")]
    return (*iter_input_paths(command, options), *_config_paths(options), *journals)


def _split_words(command: str, options: Namespace) -> tuple[list[str], list[str]]:
    """The words that are inputs, and those that determine outputs."""
    words: list[str] = list(getattr(options, "words", None) or ())
    if command not in _COMMANDS_WITH_OUTPUT or options.in_place:
        return words, []
    folder: str | None = getattr(options, "output_dir", None)
    if folder is not None:
        named = [each for each in words if not os.path.isdir(to_local_path(each))]
        if remote_url(folder):
            return words, []
        from dcmseal.batch.inputs.output_layout import OutputLayout

        layout = OutputLayout.from_sources(words)
        paths = (os.path.join(to_local_path(folder), layout.source_prefix(each)) for each in named)
        return words, list(dict.fromkeys(paths))
    return (words[:-1], words[-1:]) if len(words) > 1 else (words, [])


def _base_name(word: str) -> str:
    return os.path.basename(to_local_path(word))


def _manifest_paths(manifest: str, results: list[str]) -> list[str]:
    from dcmseal.cli.options.manifest_options import MANIFEST_SUFFIX

    if not os.path.isdir(manifest):
        return [manifest]
    return [os.path.join(manifest, _base_name(each) + MANIFEST_SUFFIX) for each in results]


def _iter_paths(words: Iterable[str], *, stdin: bool = False) -> Iterator[str]:
    """The paths and URLs of words, with ``stdin`` also that of standard input."""
    for word in words:
        if word == STDIO:
            if stdin:
                yield _STDIN
        else:
            yield remote_url(word) or to_local_path(word)


def _text_or_empty(value: object) -> str:
    return value if isinstance(value, str) else ""


def _is_file_or_free(path: str) -> bool:
    """Whether it is a regular file or does not exist; devices, pipes and folders cannot lose data."""
    return os.path.isfile(path) or not os.path.exists(path)


def _iter_key_files(options: Namespace) -> Iterator[ProtectedPath]:
    from dcmseal.cli.options.key_options import KEY_VARIABLE

    word: str = options.key or os.environ.get(KEY_VARIABLE) or ""
    yield from _iter_uri_files(word)


def _iter_uri_files(uri: str) -> Iterator[ProtectedPath]:
    """The files that a key URI names, regardless of its scheme."""
    from dcmseal.output.collisions import iter_key_files

    for path in iter_key_files(uri):
        yield ProtectedPath(path, "a file of the key")


def _config_paths(options: Namespace) -> list[ProtectedPath]:
    """The configuration file and all files that it names."""
    from dcmseal.config.config_file import examine_config
    from dcmseal.errors import SealError

    try:
        config, _ = examine_config(getattr(options, "config", None))
    except SealError:
        return []
    return list(_iter_config_paths(config))


def _iter_config_paths(config: Config) -> Iterator[ProtectedPath]:
    from dcmseal.config.pin_source import PinKind

    if config.path is not None:
        yield ProtectedPath(os.fspath(config.path), _INPUT_OPTIONS["config"])
    for setup in config.keys.values():
        yield from _iter_uri_files(setup.uri)
        yield from (ProtectedPath(os.fspath(each), "a file of the key") for each in setup.files)
        if setup.pin_source is not None and setup.pin_source.kind is PinKind.FILE:
            yield ProtectedPath(os.path.expanduser(setup.pin_source.name), _INPUT_OPTIONS["passphrase_file"])
    for trust in config.trust.values():
        for each in (*trust.anchors, *trust.intermediates, *trust.crls, *trust.ocsp_responses):
            yield ProtectedPath(each, _INPUT_OPTIONS["trust_anchor"])
    for policy in config.policies.values():
        for profile in (each for rule in policy.policy.rules for each in rule.profiles if isinstance(each, str)):
            yield ProtectedPath(profile, _INPUT_OPTIONS["profile"])
    if config.profiles_folder is not None:
        yield ProtectedPath(os.fspath(config.profiles_folder), _INPUT_OPTIONS["profile"])
