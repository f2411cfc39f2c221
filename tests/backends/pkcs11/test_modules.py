from __future__ import annotations

from pathlib import Path

import pytest

from dcmseal.errors import ModuleUnusable, UsageError
from dcmseal_pkcs11.module_discovery import ModuleLocations, default_locations, find_modules, module_stem
from dcmseal_pkcs11.pkcs11_uri import Pkcs11Uri

ANY = Pkcs11Uri.parse("pkcs11:")


class Machine:
    """Folders such as p11-kit and makers of drivers have them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.places = ModuleLocations(
            configurations=(str(root / "packaged"), str(root / "own")),
            folders=(str(root / "lib*"),),
            files=(str(root / "vendor" / "*.so"),),
        )

    def file(self, name: str, text: str = "") -> str:
        path = self.root / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return str(path)

    def found(self, uri: str = "pkcs11:") -> list[str]:
        """Paths; those with a problem have it behind them."""
        found = find_modules(Pkcs11Uri.parse(uri), self.places)
        return [f"{each.path}: {each.problem}" if each.problem else each.path for each in found]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_configured_modules_come_first_and_each_but_once(machine: Machine) -> None:
    lib, vendor = machine.file("lib64/one.so"), machine.file("vendor/two.so")
    (machine.root / "vendor" / "link.so").symlink_to(lib)
    machine.file("packaged/one.module", "# a comment: with a colon\n\nmodule: one.so\npriority: 3\n")
    machine.file("packaged/absolute.module", f"module: {vendor}\n")
    machine.file("packaged/read-me.txt", "module: three.so")
    assert machine.found() == [vendor, lib]


def test_later_configurations_add_to_earlier_ones(machine: Machine) -> None:
    lib = machine.file("lib64/one.so")
    machine.file("packaged/one.module", "module: one.so\n")
    machine.file("own/one.module", "disable-in: firefox, dcmseal\n")
    with pytest.raises(ModuleUnusable):
        machine.found()
    machine.file("own/one.module", "enable-in: dcmseal\n")
    assert machine.found() == [lib]
    machine.file("own/one.module", "enable-in: firefox\n")
    with pytest.raises(ModuleUnusable) as caught:
        machine.found()
    assert caught.value.hint


def test_modules_without_keys_are_omitted_and_broken_ones_listed_with_the_reason(machine: Machine) -> None:
    machine.file("lib64/trust.so")
    machine.file("packaged/trust.module", "module: trust.so\ntrust-policy: yes\nx-init-reserved:\n")
    machine.file("packaged/remote.module", "remote: |ssh server p11-kit remote\n")
    machine.file("packaged/empty.module", "\ufeffnothing")
    machine.file("packaged/gone.module", "module: gone.so\n")
    machine.file("packaged/odd.module", "module: /odd.so\nx-init-reserved: configDir=x\n")
    found = machine.found()
    assert len(found) == 4
    for name, reason in (
        ("remote", "another machine"),
        ("empty", "no module"),
        ("gone", "usual folders"),
        ("odd", "argum"),
    ):
        assert any(name in line and reason in line for line in found), (name, found)


def test_a_module_by_name(machine: Machine) -> None:
    configured, installed = machine.file("lib64/libone.so"), machine.file("vendor/Two.so")
    lying_about = machine.file("lib32/libthree.so.1.2")
    machine.file("lib32/three.txt")
    machine.file("packaged/one.module", "module: libone.so\n")
    assert machine.found("pkcs11:?module-name=one") == [configured]
    assert machine.found("pkcs11:?module-name=libONE") == [configured]
    assert machine.found("pkcs11:?module-name=two") == [installed]
    assert machine.found("pkcs11:?module-name=three") == [lying_about]
    for unknown in ("four", "on", "*", "."):
        with pytest.raises(ModuleUnusable):
            machine.found(f"pkcs11:?module-name={unknown}")
    for path in ("../one", "/lib/one", r"lib\one"):
        with pytest.raises(UsageError, match="path"):
            machine.found(f"pkcs11:?module-name={path}")


def test_a_module_by_path(machine: Machine) -> None:
    first, second = machine.file("any/b.so"), machine.file("any/liba.so.3")
    machine.file("any/readme.md")
    assert machine.found(f"pkcs11:?module-path={first}") == [first]
    assert machine.found(f"pkcs11:?module-path={first}&module-name=b") == [first]
    with pytest.raises(UsageError, match="different modules"):
        machine.found(f"pkcs11:?module-path={first}&module-name=a")
    folder = machine.root / "any"
    assert machine.found(f"pkcs11:?module-path={folder}") == [first, second]
    assert machine.found(f"pkcs11:?module-path={folder}&module-name=a") == [second]
    with pytest.raises(ModuleUnusable):
        machine.found(f"pkcs11:?module-path={folder}&module-name=c")


def test_a_relative_path_is_one_of_the_current_folder(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    # and not of the folders that the dynamic linker would search
    monkeypatch.chdir(machine.root)
    assert machine.found("pkcs11:?module-path=libm.so.6") == [str(machine.root / "libm.so.6")]


@pytest.mark.parametrize("platform", ["linux", "darwin", "win32"])
def test_the_default_paths_include_common_modules(platform: str) -> None:
    stems = {module_stem(path.replace("\\", "/")) for path in default_locations(platform).files}
    assert {"opensc-pkcs11", "ykcs11"} <= stems
    assert stems & {"softhsm2", "softhsm2-x64"}
    assert stems & {"etoken", "etpkcs11"}
    if platform != "darwin":
        assert stems & {"cknfast"}
        assert any("cs_pkcs11_r[23]" in each for each in stems)
