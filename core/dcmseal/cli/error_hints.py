"""Hints in the words of the command line: what to do next about errors whose own hint is about Python.

>>> from dcmseal.errors import UsageError
>>> to_shell_hint(UsageError("out.dcm exists", hint="overwrite=True", code="output-exists")).hint
'name another file; --force overwrites it'
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from dcmseal.batch.results import BatchResult
    from dcmseal.errors import SealError

ErrorT = TypeVar("ErrorT", bound="SealError")

_LIST_HINT: Final = "dcmseal list FILE shows all signatures"
_VERIFY_HINT: Final = "dcmseal verify tells more"
_EVIDENCE_HINT: Final = "name one that dcmseal verify --save-evidence wrote"
_SHELL_HINTS: Final[Mapping[str, str]] = {
    "certificate-expired": "renew it; --allow-expired signs all the same, and every verifier will object",
    "config-problems": "{hint}; dcmseal config check shows them all",
    "evidence-in-item": "leave out --item, or --references",
    "evidence-not-covered": "--tag {keyword}, or sign everything",
    "evidence-not-signable": "repair the evidence first, or sign without --references",
    "evidence-signed": "remove that signature, or sign without --references",
    "executor-address-missing": "--executor dask:tcp://HOST:8786",
    "folder-output-exists": "name another folder; --force overwrites it",
    "journal-identity": "--journal-digest belongs to all runs of a journal, or to none",
    "key-not-on-token": "there is none on it that can be seen; dcmseal keys lists tokens and keys",
    "link-outside-folder": "name that file itself, or follow such links: --follow-links",
    "login-missing": "give USER:PASSWORD in an environment variable or file: --timestamp-login-env, "
    "--timestamp-login-file",
    "module-not-found": "{hint}; dcmseal keys lists the modules found",
    "no-evidence-cited": "omit --references: it is for reports and key objects",
    "no-such-item": "dcmseal list FILE shows the locations of signatures; items count from 0",
    "no-such-signature": _LIST_HINT,
    "no-tags": "choose elements with --tag",
    "not-evidence": _EVIDENCE_HINT,
    "not-intact": f"nothing was signed: {_VERIFY_HINT}",
    "output-exists": "name another file; --force overwrites it",
    "passphrase-missing": "run this in a terminal to be asked, or give --passphrase-env, --passphrase-file "
    "or --passphrase-fd",
    "pin-missing": "run this in a terminal to be asked, or give --passphrase-env, --passphrase-file, --passphrase-fd, "
    "--passphrase-keyring or pin-source=",
    "purpose-missing": "say why it is signed: --purpose author; --list-purposes shows all",
    "secret-in-uri": "leave it out: it is asked for when needed, or taken from an environment variable "
    "(--passphrase-env), a file (--passphrase-file), a file descriptor (--passphrase-fd) or the system's keyring "
    "(--passphrase-keyring); the URI of a token may name a pin-source=",
    "several-signatures": "name its UID; dcmseal list FILE shows all",
    "signature-damaged": _VERIFY_HINT,
    "timestamp-exists": "--replace puts another in its place",
    "timestamp-query-unreadable": "it is what dcmseal timestamp request writes",
    "token-not-found": "{hint}; dcmseal keys lists modules and tokens",
    "too-many-elements": "choose at most {limit}: --tag, or a file of tags",
    "weak-algorithm": "use SHA256, SHA384 or SHA512; --allow-weak lets it pass where a recipient knows nothing better",
}
"""Hints by the code of an error; ``{...}`` are its facts, and its own hint."""


def to_shell_hint(error: ErrorT) -> ErrorT:
    """The error, its hint in the words of the command line."""
    hint = _SHELL_HINTS.get(error.code)
    if hint is not None:
        with suppress(KeyError):  # an error of a plugin may lack facts
            error.hint = hint.format_map({"hint": error.hint, **error.facts})
        error.code = ""  # the hint is not reworded again
    return error


def with_shell_hint(result: BatchResult) -> BatchResult:
    """The result of a file, with the hint of its error in the words of the command line."""
    if result.error is None or not result.error.code:
        return result
    # the document is made again, with this hint
    return result._replace(error=to_shell_hint(result.error), document_text="")
