"""Hints for the command line, in place of the hints that errors have for Python.

>>> from dcmseal.errors import UsageError
>>> to_shell_hint(UsageError("out.dcm exists", hint="overwrite=True", code="output-exists")).hint
'choose another name, or use --force to overwrite it'
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
_VERIFY_HINT: Final = "dcmseal verify shows the details"
_EVIDENCE_HINT: Final = "give a file written by dcmseal verify --save-evidence"
_SHELL_HINTS: Final[Mapping[str, str]] = {
    "certificate-expired": "renew it; --allow-expired signs anyway, but the signature will not verify as valid",
    "config-problems": "{hint}; dcmseal config check shows all problems",
    "evidence-in-item": "remove --item or --references",
    "evidence-not-covered": "add --tag {keyword}, or sign everything",
    "evidence-not-signable": "repair the evidence first, or sign without --references",
    "evidence-signed": "remove that signature, or sign without --references",
    "evidence-without-trust": "add --trust-anchor FILE or --trust NAME",
    "executor-address-missing": "use --executor dask:tcp://HOST:8786",
    "folder-output-exists": "choose another folder, or use --force to overwrite its files",
    "journal-identity": "use --journal-digest in every run with this journal, or in none",
    "key-not-on-token": "no such key is visible on the token; dcmseal keys lists tokens and keys",
    "link-outside-folder": "name the file itself, or add --follow-links",
    "login-missing": "give USER:PASSWORD with --timestamp-login-env or --timestamp-login-file",
    "module-not-found": "{hint}; dcmseal keys lists the modules found",
    "no-evidence-cited": "remove --references; it applies to reports and key objects only",
    "no-such-item": "items are counted from 0; dcmseal show FILE --tree lists them",
    "no-such-signature": _LIST_HINT,
    "no-tags": "choose elements with --tag",
    "not-evidence": _EVIDENCE_HINT,
    "not-intact": f"nothing was signed; {_VERIFY_HINT}",
    "output-exists": "choose another name, or use --force to overwrite it",
    "passphrase-missing": "run dcmseal in a terminal to be prompted, or use --passphrase-env, --passphrase-file or "
    "--passphrase-fd",
    "pin-missing": "run dcmseal in a terminal to be prompted, or use --passphrase-env, --passphrase-file, "
    "--passphrase-fd, --passphrase-keyring, or pin-source= in the key URI",
    "purpose-missing": "add, for example, --purpose author; --list-purposes shows all purposes",
    "secret-in-uri": "remove it; dcmseal prompts for it if needed, or reads it from an environment variable "
    "(--passphrase-env), a file (--passphrase-file), a file descriptor (--passphrase-fd) or the system keyring "
    "(--passphrase-keyring); the URI of a token may contain pin-source=",
    "several-signatures": "choose one with --uid; dcmseal list FILE shows all signatures",
    "signature-damaged": _VERIFY_HINT,
    "timestamp-exists": "use --replace to replace it",
    "timestamp-query-unreadable": "give a query written by dcmseal timestamp request",
    "token-not-found": "{hint}; dcmseal keys lists modules and tokens",
    "too-many-elements": "choose at most {limit} with --tag or --tags-from",
    "weak-algorithm": "use SHA256, SHA384 or SHA512, or --allow-weak if the recipient supports nothing better",
}
"""Hints by error code; ``{...}`` inserts a fact of the error, or its own hint."""


def to_shell_hint(error: ErrorT) -> ErrorT:
    """Replace the error's hint by the one for the command line, if there is one."""
    hint = _SHELL_HINTS.get(error.code)
    if hint is not None:
        with suppress(KeyError):  # an error of a plugin may lack facts
            error.hint = hint.format_map({"hint": error.hint, **error.facts})
        error.code = ""  # the hint is not reworded again
    return error


def with_shell_hint(result: BatchResult) -> BatchResult:
    """The result of a file; its error, if any, has the hint for the command line."""
    if result.error is None or not result.error.code:
        return result
    # the document contains the old hint: it is built again when needed
    return result._replace(error=to_shell_hint(result.error), document_text="")
