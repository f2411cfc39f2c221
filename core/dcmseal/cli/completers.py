"""Values that shells complete for arguments."""

from __future__ import annotations

from argparse import Action, Namespace
from collections.abc import Callable, Iterable
from typing import Final

from dcmseal.urls import URL_SEPARATOR

_UID_CHARACTERS: Final = frozenset("0123456789.")


def set_completer(action: Action, completer: Callable[..., Iterable[str]]) -> None:
    """Make argcomplete offer the values that ``completer`` returns."""
    action.completer = completer  # type: ignore[attr-defined] # argcomplete reads it from there


def complete_uids(parsed_args: Namespace, **_: object) -> list[str]:
    """The UIDs of the signatures in the files on the command line."""
    from dcmseal.api.inspect import signatures
    from dcmseal.errors import SealError

    uids: list[str] = []
    for file in _file_words(parsed_args):
        try:
            # other text from a file must not reach the shell
            uids += [each.uid for each in signatures(file) if _UID_CHARACTERS.issuperset(each.uid)]
        except SealError:
            continue
    return uids


def _file_words(options: Namespace) -> list[str]:
    """The words on the command line that may be files.

    URLs are skipped, because completion should not use the network.
    """
    words: list[str] = []
    for name in ("words", "files"):
        words += getattr(options, name, None) or ()
    return [word for word in words if URL_SEPARATOR not in word]


def complete_purposes(**_: object) -> list[str]:
    """The names of the signature purposes of CID 7007."""
    from dcmseal.terms import SignaturePurpose

    return [each.name.lower().replace("_", "-") for each in SignaturePurpose]


def complete_mac_algorithms(**_: object) -> list[str]:
    """The MAC algorithms; weak ones come last."""
    from dcmseal.terms import MacAlgorithm

    return [each.value for each in sorted(MacAlgorithm, key=lambda each: each.is_weak)]


def complete_digests(**_: object) -> list[str]:
    """The message digests that are not weak."""
    from dcmseal.terms import MacAlgorithm

    return [each.value for each in MacAlgorithm if not each.is_weak]


def complete_report_formats(**_: object) -> list[str]:
    """The report formats of the installed plugins, each with the colon before the path."""
    from dcmseal.errors import SealError
    from dcmseal.plugins.registry import installed_registry

    try:
        return [f"{each.format}:" for each in installed_registry().report_writers()]
    except SealError:
        return []
