"""Where drivers of cards and HSMs usually lie: folders of p11-kit, and the files that their makers install."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import Final

_LINUX_FOLDERS: Final = ("/usr/lib/*-linux-gnu*", "/usr/lib64", "/usr/lib", "/usr/local/lib64", "/usr/local/lib")
_MAC_FOLDERS: Final = ("/opt/homebrew/lib", "/usr/local/lib", "/Library/OpenSC/lib")

_LINUX_FILES: Final = (
    # smart cards and keys to plug in
    "opensc-pkcs11.so",  # OpenSC
    "libykcs11.so",  # Yubico
    "libykcs11.so.2",
    "libeToken.so",  # SafeNet (Thales) Authentication Client
    "libIDPrimePKCS11.so",
    "libaetpkss.so.3",  # AET SafeSign
    "libASEP11.so",  # Athena
    "libbit4xpki.so",  # Bit4id
    "libbeidpkcs11.so.0",  # Belgian identity card
    "libcps3_pkcs11_lux.so",  # French card of health professionals
    "libcastle.so",  # Feitian
    # HSMs
    "softhsm/libsofthsm2.so",
    "opencryptoki/libopencryptoki.so",
    "pkcs11/yubihsm_pkcs11.so",
)
_LINUX_ELSEWHERE: Final = (
    "/usr/safenet/lunaclient/lib/libCryptoki2_64.so",  # Thales Luna
    "/opt/safenet/protecttoolkit*/ptk/lib/libcryptoki.so",
    "/opt/nfast/toolkits/pkcs11/libcknfast.so",  # Entrust nShield (nCipher)
    "/opt/utimaco/lib/libcs_pkcs11_R[23].so",
    "/opt/utimaco/p11/libcs_pkcs11_R[23].so",
    "/opt/cloudhsm/lib/libcloudhsm_pkcs11.so",  # AWS CloudHSM
    "/usr/local/primus/lib/libprimusP11.so",  # Securosys
)
_MAC_FILES: Final = (
    "opensc-pkcs11.so",
    "libykcs11.dylib",
    "softhsm/libsofthsm2.so",
    "libeToken.dylib",
    "libaetpkss.dylib",
    "libbit4xpki.dylib",
    "libbeidpkcs11.dylib",
)
_MAC_ELSEWHERE: Final = (
    "/Library/Frameworks/eToken.framework/Versions/A/libeToken.dylib",
    "/usr/safenet/lunaclient/lib/libCryptoki2.dylib",
)
_WINDOWS_ELSEWHERE: Final = (
    r"%ProgramFiles%\OpenSC Project\OpenSC\pkcs11\opensc-pkcs11.dll",
    r"%ProgramFiles%\Yubico\Yubico PIV Tool\bin\libykcs11.dll",
    r"%ProgramFiles%\YubiHSM Shell\bin\pkcs11\yubihsm_pkcs11.dll",
    r"%SystemRoot%\System32\eTPKCS11.dll",
    r"%ProgramFiles%\SafeNet\LunaClient\cryptoki.dll",
    r"%SystemRoot%\System32\aetpkss1.dll",
    r"%SystemRoot%\System32\bit4xpki.dll",
    r"%SystemRoot%\System32\beidpkcs11.dll",
    r"%SystemRoot%\System32\cps3_pkcs11_w64.dll",
    r"%ProgramFiles%\nCipher\nfast\toolkits\pkcs11\cknfast.dll",
    r"%ProgramFiles%\Utimaco\*\Lib\cs_pkcs11_R[23].dll",
    r"%SystemDrive%\SoftHSM2\lib\softhsm2-x64.dll",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleLocations:
    """Where to look, as patterns of files and folders."""

    configurations: tuple[str, ...]
    """Folders of p11-kit's configuration, the stronger ones last."""
    folders: tuple[str, ...]
    """Where modules that are named without a path are sought."""
    files: tuple[str, ...]
    """Modules that no configuration names."""


def default_locations(platform: str = sys.platform) -> ModuleLocations:
    """The usual places of a platform."""
    settings = os.environ.get("XDG_CONFIG_HOME") or os.path.join("~", ".config")
    own = os.path.join(settings, "pkcs11", "modules")
    if platform == "win32":
        files = tuple(os.path.expandvars(pattern) for pattern in _WINDOWS_ELSEWHERE)
        return ModuleLocations(
            configurations=(), folders=tuple(dict.fromkeys(map(os.path.dirname, files))), files=files
        )
    if platform == "darwin":
        bases = ("/opt/homebrew", "/usr/local")
        folders = [f"{base}/{folder}" for folder in ("share/p11-kit/modules", "etc/pkcs11/modules") for base in bases]
        return _unix_locations((*folders, own), _MAC_FOLDERS, _MAC_FILES, _MAC_ELSEWHERE)
    configurations = ("/usr/share/p11-kit/modules", "/usr/local/share/p11-kit/modules", "/etc/pkcs11/modules")
    return _unix_locations((*configurations, own), _LINUX_FOLDERS, _LINUX_FILES, _LINUX_ELSEWHERE)


def _unix_locations(
    configurations: tuple[str, ...], folders: tuple[str, ...], files: tuple[str, ...], elsewhere: tuple[str, ...]
) -> ModuleLocations:
    beneath = dict.fromkeys(os.path.dirname(file) for file in ("pkcs11/", *files, ""))
    # os.path.join leaves no trailing separator where there is no folder beneath
    return ModuleLocations(
        configurations=configurations,
        folders=(
            *(os.path.join(folder, each).rstrip("/") for each in beneath for folder in folders),
            *dict.fromkeys(map(os.path.dirname, elsewhere)),
        ),
        files=(*(f"{folder}/{file}" for file in files for folder in folders), *elsewhere),
    )
