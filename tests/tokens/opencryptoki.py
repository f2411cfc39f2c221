"""openCryptoki's software token, with its daemon.

Daemon, token and locks are the machine's: they have their places in /var, /run and shared memory. So nothing is done
where a daemon runs already or the token is somebody's, and the token is emptied afterwards.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pkcs11 import unload

from tests.support.pki import Pki
from tests.tokens.programs import NotReady, run, running
from tests.tokens.token_device import PIN, SO_PIN, TokenDevice, find_module, import_keys

KEYS: Final = ("rsa2048", "rsa3072")
"""The software token of openCryptoki 3.8 knows no elliptic curves."""
_LABEL: Final = "dcmseal openCryptoki"
_FIRST_SO_PIN: Final = "87654321"
"""That of a token which was never initialized."""
_STORE: Final = Path("/var/lib/opencryptoki/swtok")
_SHARED: Final = Path("/dev/shm/var.lib.opencryptoki.swtok")


@dataclass(slots=True, kw_only=True)
class SoftwareToken(TokenDevice):
    """A token that locks its PIN after a few wrong ones."""

    def present(self, key: str) -> str:
        _set_pin(self.module)
        return TokenDevice.present(self, key)


@contextmanager
def ready(folder: Path, pki: Pki) -> Generator[TokenDevice]:
    """Start the daemon and make the token; raises NotReady if either is in use."""
    module = find_module("pkcs11/libopencryptoki.so")
    if _daemon_answers(module):
        raise NotReady("pkcsslotd runs already, and there can be one only: systemctl stop pkcsslotd")
    folder.mkdir(parents=True)
    with running("pkcsslotd", "-f", log=folder / "pkcsslotd.log", ready=lambda: _daemon_answers(module)):
        if "uninitialized" not in (slots := _slots(module)) and _LABEL not in slots:
            raise NotReady(f"the software token of openCryptoki in {_STORE} is in use, and is left alone")
        try:
            run("pkcs11-tool", "--module", module, "--init-token", "--label", _LABEL, "--so-pin", _FIRST_SO_PIN)
            _set_pin(module)
            ids = import_keys(module, _LABEL, (pki[name] for name in KEYS))
            yield SoftwareToken(module=module, label=_LABEL, ids=ids)
        finally:
            unload(str(module))  # the daemon ends when it is unused
            _empty()


def _set_pin(module: Path) -> None:
    """Set the PIN, which unlocks it."""
    officer = ("--login", "--login-type", "so", "--so-pin", SO_PIN)
    run("pkcs11-tool", "--module", module, "--token-label", _LABEL, *officer, "--init-pin", "--pin", PIN)


def _empty() -> None:
    for path in _STORE.rglob("*"):
        if not path.is_dir():
            path.unlink()
    _SHARED.unlink(missing_ok=True)


def _daemon_answers(module: Path) -> bool:
    try:
        return "token" in _slots(module)
    except NotReady:
        return False


def _slots(module: Path) -> str:
    return run("pkcs11-tool", "--module", module, "--list-slots")
