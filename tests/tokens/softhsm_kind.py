"""SoftHSM with its token in a folder: the reference for the other kinds."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.support.pki import Pki
from tests.tokens.programs import run
from tests.tokens.token_device import PIN, SO_PIN, TokenDevice, find_module, import_keys

KEYS: Final = ("rsa2048", "rsa3072", "p256", "p384")


def module() -> Path:
    return find_module("softhsm/libsofthsm2.so")


def environment(folder: Path) -> Mapping[str, str]:
    """The environment for SoftHSM, with a configuration file for its tokens."""
    configuration = folder / "softhsm2.conf"
    if not configuration.exists():
        (folder / "tokens").mkdir(parents=True)
        configuration.write_text(f"directories.tokendir = {folder}/tokens\nobjectstore.backend = file\n")
    return {"SOFTHSM2_CONF": str(configuration)}


@contextmanager
def ready(folder: Path, pki: Pki) -> Generator[TokenDevice]:
    """Make a token in the folder; raises NotReady."""
    label = f"dcmseal {folder.name}"
    variables = environment(folder)
    pins = ("--so-pin", SO_PIN, "--pin", PIN)
    run("softhsm2-util", "--init-token", "--free", "--label", label, *pins, env=variables)
    ids = import_keys(module(), label, (pki[name] for name in KEYS), variables)
    yield TokenDevice(module=module(), label=label, ids=ids, environment=variables)
