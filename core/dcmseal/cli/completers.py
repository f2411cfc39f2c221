"""Values that shells complete for arguments."""

from __future__ import annotations

from argparse import Action, Namespace
from collections.abc import Callable, Iterable
from typing import Final

from dcmseal.urls import URL_SEPARATOR

_UID_CHARACTERS: Final = frozenset("0123456789.")


def set_completer(action: Action, completer: Callable[..., Iterable[str]]) -> None:
    """Let argcomplete offer what ``completer`` returns as values of an argument."""
    action.completer = completer  # type: ignore[attr-defined] # where argcomplete looks for it


def complete_uids(parsed_args: Namespace, **_: object) -> list[str]:
    """The UIDs of the signatures in the file that was typed already."""
    from dcmseal.api.inspect import signatures
    from dcmseal.errors import SealError

    uids: list[str] = []
    for file in _file_words(parsed_args):
        try:
            # whatever else a file holds in its place goes to no shell
            uids += [each.uid for each in signatures(file) if _UID_CHARACTERS.issuperset(each.uid)]
        except SealError:
            continue
    return uids


def _file_words(options: Namespace) -> list[str]:
    """The words that may be files; argcomplete leaves out those that were not typed yet.

    URLs are left out: nobody expects a key to reach for the network.
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
    """The MAC algorithms, the weak ones last."""
    from dcmseal.terms import MacAlgorithm

    return [each.value for each in sorted(MacAlgorithm, key=lambda each: each.is_weak)]


def complete_digests(**_: object) -> list[str]:
    """The message digests that are not weak."""
    from dcmseal.terms import MacAlgorithm

    return [each.value for each in MacAlgorithm if not each.is_weak]


def complete_report_formats(**_: object) -> list[str]:
    """The report formats of the installed plugins, to be followed by a path."""
    from dcmseal.errors import SealError
    from dcmseal.plugins.registry import installed_registry

    try:
        return [f"{each.format}:" for each in installed_registry().report_writers()]
    except SealError:
        return []
