"""Checks of all paths of a command line, so that no output overwrites an input, a key or another output.

They run before the command, when nothing has been opened for writing yet.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from dcmseal.cli.file_arguments import STDIO, remote_url, to_local_path
from dcmseal.cli.options.named_paths import INPUT_OPTIONS
from dcmseal.cli.standard_streams import standard_output
from dcmseal.output.collisions import ProtectedPath

if TYPE_CHECKING:
    from dcmseal.cli.options.named_paths import NamedPaths
    from dcmseal.config.config_file import Config

_STDIN: Final = "/dev/stdin"
_STDOUT: Final = "/dev/stdout"
_THE_INPUT: Final = "the input"
_INPUTS: Final = (_THE_INPUT, INPUT_OPTIONS["files"])


def check_paths(paths: NamedPaths) -> None:
    """Refuse outputs that are inputs, keys, certificates, lists or each other; raises UsageError."""
    outputs = list(iter_output_paths(paths))
    if not outputs:
        return
    from dcmseal.errors import UsageError
    from dcmseal.output.collisions import check_outputs, check_replaceable, is_inside

    inputs = list(iter_input_paths(paths))
    existing = [each for each in outputs if os.path.exists(each)]
    if existing:
        # only existing files can be named in a configuration file
        inputs += _config_paths(paths.config)
    check_outputs(outputs, inputs)
    # inputs in folders are checked when the folders are listed
    folders = [each for each in inputs if each.what not in _INPUTS and os.path.isdir(each.path)]
    for output in existing:
        for each in folders:
            if is_inside(output, each.path):
                raise UsageError(f"{output} is {each.what} in {each.path}", hint=each.hint)
        # a journal is continued, and a file that standard output appends to is not overwritten
        if output not in (paths.journal, _standard_output_path()):
            check_replaceable(output)


def iter_output_paths(paths: NamedPaths) -> Iterator[str]:
    """The local paths that are written, as far as they are known before inputs are listed."""
    if paths.dry_run:
        return
    inputs, results = _split_words(paths)
    manifests = [] if paths.manifest is None else _manifest_paths(paths.manifest, results or inputs)
    yield from _iter_outputs([*results, *paths.option_outputs, *manifests])


def iter_option_outputs(paths: NamedPaths) -> Iterator[str]:
    """The local paths that are written because an option names them, and standard output."""
    return iter(()) if paths.dry_run else _iter_outputs(paths.option_outputs)


def _iter_outputs(words: Iterable[str]) -> Iterator[str]:
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


def iter_input_paths(paths: NamedPaths) -> Iterator[ProtectedPath]:
    """All inputs that the command line names, each with a description."""
    words, _ = _split_words(paths)
    for path in _iter_paths(words, stdin=True):
        if paths.changes_words and len(words) == 1:
            yield ProtectedPath(path, _THE_INPUT, "use --in-place to modify the file, or give another output file")
        else:
            yield ProtectedPath(path, INPUT_OPTIONS["files"])
    for what, word in paths.option_inputs:
        for path in _iter_paths((word,), stdin=True):
            yield ProtectedPath(path, what)
    yield from _iter_uri_files(paths.key)


def protected_files(paths: NamedPaths) -> tuple[ProtectedPath, ...]:
    """All files that a run over many files needs and that no result may overwrite."""
    ends = () if paths.journal is None else ("", "-journal")
    journals = (ProtectedPath(f"{paths.journal}{end}", "the journal") for end in ends)
    return (*iter_input_paths(paths), *_config_paths(paths.config), *journals)


def _split_words(paths: NamedPaths) -> tuple[list[str], list[str]]:
    """The words that are inputs, and those that determine outputs."""
    words = list(paths.words)
    if not paths.changes_words or paths.in_place:
        return words, []
    folder = paths.folder
    if folder is not None:
        named = [each for each in words if not os.path.isdir(to_local_path(each))]
        if remote_url(folder):
            return words, []
        from dcmseal.batch.inputs.output_layout import OutputLayout

        layout = OutputLayout.from_sources(words)
        results = (os.path.join(to_local_path(folder), layout.source_prefix(each)) for each in named)
        return words, list(dict.fromkeys(results))
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


def _is_file_or_free(path: str) -> bool:
    """Whether it is a regular file or does not exist; devices, pipes and folders cannot lose data."""
    return os.path.isfile(path) or not os.path.exists(path)


def _iter_uri_files(uri: str) -> Iterator[ProtectedPath]:
    """The files that a key URI names, regardless of its scheme."""
    from dcmseal.output.collisions import iter_key_files

    for path in iter_key_files(uri):
        yield ProtectedPath(path, "a file of the key")


def _config_paths(named: str | None) -> list[ProtectedPath]:
    """The configuration file, which may be named, and all files that it names."""
    from dcmseal.config.config_file import examine_config
    from dcmseal.errors import SealError

    try:
        config, _ = examine_config(named)
    except SealError:
        return []
    return list(_iter_config_paths(config))


def _iter_config_paths(config: Config) -> Iterator[ProtectedPath]:
    from dcmseal.config.pin_source import PinKind

    if config.path is not None:
        yield ProtectedPath(os.fspath(config.path), INPUT_OPTIONS["config"])
    for setup in config.keys.values():
        yield from _iter_uri_files(setup.uri)
        yield from (ProtectedPath(os.fspath(each), "a file of the key") for each in setup.files)
        if setup.pin_source is not None and setup.pin_source.kind is PinKind.FILE:
            yield ProtectedPath(os.path.expanduser(setup.pin_source.name), INPUT_OPTIONS["passphrase_file"])
    for trust in config.trust.values():
        for each in (*trust.anchors, *trust.intermediates, *trust.crls, *trust.ocsp_responses):
            yield ProtectedPath(each, INPUT_OPTIONS["trust_anchor"])
    for policy in config.policies.values():
        for profile in (each for rule in policy.policy.rules for each in rule.profiles if isinstance(each, str)):
            yield ProtectedPath(profile, INPUT_OPTIONS["profile"])
    if config.profiles_folder is not None:
        yield ProtectedPath(os.fspath(config.profiles_folder), INPUT_OPTIONS["profile"])
