"""p11-kit remoting: a token of SoftHSM in a process of its own, and p11-kit's client module before its socket."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from tests.support.pki import Pki
from tests.tokens import softhsm_kind
from tests.tokens.programs import running
from tests.tokens.token_device import TokenDevice, find_module


@dataclass(slots=True, kw_only=True)
class RemoteToken(TokenDevice):
    """A token whose server can be stopped."""

    folder: Path
    behind: TokenDevice
    _server: ExitStack = field(default_factory=ExitStack, repr=False)

    def remove(self) -> None:
        self._server.close()

    def reinsert(self) -> None:
        socket = self.folder / "p11-kit.socket"
        served = f"pkcs11:token={quote(self.label)}"
        command = ("p11-kit", "server", "--foreground", "--name", socket, "--provider", self.behind.module, served)
        log = self.folder / "server.log"
        self._server.enter_context(running(*command, log=log, ready=socket.is_socket, env=self.behind.environment))


@contextmanager
def ready(folder: Path, pki: Pki) -> Generator[TokenDevice]:
    """Make a token and start its server; raises NotReady."""
    with softhsm_kind.ready(folder / "softhsm", pki) as behind:
        token = RemoteToken(
            module=find_module("pkcs11/p11-kit-client.so"),
            label=behind.label,
            ids=behind.ids,
            environment={"P11_KIT_SERVER_ADDRESS": f"unix:path={quote(str(folder / 'p11-kit.socket'))}"},
            folder=folder,
            behind=behind,
        )
        token.reinsert()
        try:
            yield token
        finally:
            token.remove()
