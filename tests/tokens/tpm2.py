"""tpm2-pkcs11 on swtpm, a TPM 2.0 in software, with its resource manager on a message bus of its own."""

from __future__ import annotations

import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.support.pki import Pki
from tests.tokens.programs import NotReady, run, running
from tests.tokens.token_device import PIN, SO_PIN, TokenDevice, find_module

KEYS: Final = ("rsa2048", "p256", "p384", "p256 always")
PIN_EACH_TIME: Final = frozenset({"p256 always"})
TRIES: Final = 8
"""Wrong PINs before the TPM locks: so many are set here."""
_LABEL: Final = "dcmseal tpm"


@dataclass(slots=True, kw_only=True)
class Tpm(TokenDevice):
    """A TPM, which counts wrong PINs until they are reset: right PINs do not reset the count."""

    def present(self, key: str) -> str:
        limit = ("--setup-parameters", f"--max-tries={TRIES}", "--recovery-time=3600", "--lockout-recovery-time=0")
        run("tpm2_dictionarylockout", *limit, env=self.environment)
        run("tpm2_dictionarylockout", "--clear-lockout", env=self.environment)
        return TokenDevice.present(self, key)


@contextmanager
def ready(folder: Path, pki: Pki) -> Generator[TokenDevice]:
    """Start TPM, bus and resource manager and make the token; raises NotReady."""
    store = folder / "store"
    store.mkdir(parents=True)
    with _bus(folder) as bus, _tpm(folder) as tpm, _resource_manager(folder, bus, tpm) as tcti:
        environment = {
            **bus,
            "TPM2TOOLS_TCTI": tcti,
            "TPM2_PKCS11_STORE": str(store),
            "TPM2_PKCS11_TCTI": tcti,
            "TSS2_LOG": "all+NONE",
        }
        at, pins = ("--path", store, "--label", _LABEL), ("--sopin", SO_PIN, "--userpin", PIN)
        run("tpm2_ptool", "init", "--path", store, env=environment)
        run("tpm2_ptool", "addtoken", *at, "--pid", "1", *pins, env=environment)
        for key in KEYS:
            identity = pki[key.partition(" ")[0]]
            kind = "rsa" if key.startswith("rsa") else "ecc"
            always = ("--attr-always-authenticate",) if key in PIN_EACH_TIME else ()
            what = ("--key-label", key, "--id", key.replace(" ", "-"), "--privkey", identity.key_pem)
            run("tpm2_ptool", "import", *at, *what, "--algorithm", kind, *always, "--userpin", PIN, env=environment)
            run("tpm2_ptool", "addcert", *at, "--key-label", key, identity.certificate_pem, env=environment)
        ids = {key: key.replace(" ", "-").encode() for key in KEYS}
        yield Tpm(module=find_module("pkcs11/libtpm2_pkcs11.so"), label=_LABEL, ids=ids, environment=environment)


@contextmanager
def _bus(folder: Path) -> Generator[Mapping[str, str]]:
    path = folder / "bus.socket"
    address = f"unix:path={path}"
    command = ("dbus-daemon", "--session", "--nofork", "--nopidfile", "--address", address)
    with running(*command, log=folder / "bus.log", ready=path.is_socket):
        yield {"DBUS_SESSION_BUS_ADDRESS": address}


@contextmanager
def _tpm(folder: Path) -> Generator[str]:
    state = folder / "state"
    state.mkdir()
    path = folder / "tpm.socket"
    control = folder / "tpm.socket.ctrl"  # where clients look for it
    command = ("swtpm", "socket", "--tpm2", "--tpmstate", f"dir={state}", "--flags", "not-need-init,startup-clear")
    sockets = ("--server", f"type=unixio,path={path}", "--ctrl", f"type=unixio,path={control}")
    with running(*command, *sockets, log=folder / "tpm.log", ready=lambda: path.is_socket() and control.is_socket()):
        yield f"swtpm:path={path}"


@contextmanager
def _resource_manager(folder: Path, bus: Mapping[str, str], tpm: str) -> Generator[str]:
    tcti = "tabrmd:bus_type=session"
    environment = {**bus, "TPM2TOOLS_TCTI": tcti, "TSS2_LOG": "all+NONE"}
    as_root = ("--allow-root",) if os.getuid() == 0 else ()

    def answers() -> bool:
        try:
            return bool(run("tpm2_getcap", "properties-fixed", env=environment))
        except NotReady:
            return False

    command = ("tpm2-abrmd", "--session", *as_root, f"--tcti={tpm}")
    with running(*command, log=folder / "abrmd.log", ready=answers, env=environment):
        yield tcti
