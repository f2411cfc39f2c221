from __future__ import annotations

import _thread
import sys
from pathlib import Path
from threading import Event
from types import ModuleType
from typing import Any

import pytest

from dcmseal.errors import (
    PluginBroken,
    PluginConflict,
    PluginError,
    PluginNotFound,
    SealError,
    UnknownProfile,
    UsageError,
)
from dcmseal.plugins import hookspecs
from dcmseal.plugins.hookspecs import hookimpl
from dcmseal.plugins.plugin_loader import run_with_timeout
from dcmseal.plugins.registry import PluginInfo, Registry
from dcmseal.plugins.signer_backend import SecretRequest
from dcmseal.terms import MacAlgorithm
from dcmseal.testing.signable_messages import BytesMessage
from tests.core.plugins.fake_plugins import FakeBackend, FakeProfile, make_contributing_plugin, make_plugin

HOOKS = [name for name in vars(hookspecs) if name.startswith("dcmseal_")]
MESSAGE = BytesMessage(algorithm=MacAlgorithm.SHA256, content=b"")


class Panic(BaseException):
    """What a library in another language raises."""


def decline(_: SecretRequest) -> str | None:
    return None


def raising(error: BaseException) -> ModuleType:
    def fail() -> Any:
        raise error

    return make_plugin("raising", dcmseal_profiles=fail)


class TestLookup:
    def test_finds_by_name(self) -> None:
        registry = Registry.from_plugins(
            make_contributing_plugin("one", profiles=(FakeProfile(name="b"), FakeProfile(name="a"))),
            make_contributing_plugin("two", backends=(FakeBackend(scheme="two"),), profiles=(FakeProfile(name="c"),)),
        )
        assert registry.profile("a").name == "a"
        assert registry.signer_backend("two").scheme == "two"
        assert [profile.name for profile in registry.profiles()] == ["a", "b", "c"]
        assert [backend.scheme for backend in registry.signer_backends()] == ["two"]
        assert registry.plugins() == (
            PluginInfo(name="one", distribution="", version="", contributes=("profile:a", "profile:b"), problem=""),
            PluginInfo(name="two", distribution="", version="", contributes=("signer:two", "profile:c"), problem=""),
        )

    def test_unknown_profile_is_answered_with_the_known_ones(self) -> None:
        registry = Registry.from_plugins(
            make_contributing_plugin("one", profiles=(FakeProfile(name="base-rsa"), FakeProfile(name="none")))
        )
        with pytest.raises(UnknownProfile) as caught:
            registry.profile("base_rsa")
        assert "did you mean base-rsa?" in caught.value.hint
        assert "none" in caught.value.hint

    def test_unknown_scheme_is_answered_with_the_known_ones(self) -> None:
        registry = Registry.from_plugins(make_contributing_plugin("one", backends=(FakeBackend(scheme="one"),)))
        with pytest.raises(PluginNotFound, match="two:") as caught:
            registry.signer_backend("two")
        assert "one:" in caught.value.hint

    def test_nothing_at_all(self) -> None:
        with pytest.raises(UnknownProfile):
            Registry.from_plugins().profile("none")
        with pytest.raises(PluginNotFound):
            Registry.from_plugins().signer_backend("pem")
        assert Registry.from_plugins().plugins() == ()

    def test_an_object_may_be_a_plugin(self) -> None:
        class Plugin:
            @hookimpl
            def dcmseal_profiles(self) -> tuple[FakeProfile, ...]:
                return (FakeProfile(),)

        registry = Registry.from_plugins(Plugin())
        assert registry.profile("fake").name == "fake"
        assert registry.plugins()[0].name == "Plugin"

    def test_hooks_are_called_only_for_what_is_asked(self) -> None:
        called: list[str] = []

        def backends() -> tuple[FakeBackend, ...]:
            called.append("backends")
            return ()

        registry = Registry.from_plugins(
            make_plugin("lazy", dcmseal_signer_backends=backends, dcmseal_profiles=lambda: ())
        )
        registry.profiles()
        assert called == []
        for _ in range(2):
            registry.signer_backends()
        assert called == ["backends"]

    def test_registries_do_not_know_of_each_other(self) -> None:
        one = make_contributing_plugin("one", profiles=(FakeProfile(),))
        first, second = Registry.from_plugins(one), Registry.from_plugins(one)
        assert first.profile("fake").name == second.profile("fake").name == "fake"
        assert Registry.from_plugins().profiles() == ()


class TestConflict:
    def test_a_name_contributed_twice_is_refused(self) -> None:
        registry = Registry.from_plugins(
            make_contributing_plugin("one", profiles=(FakeProfile(name="same"), FakeProfile(name="first"))),
            make_contributing_plugin("two", profiles=(FakeProfile(name="same"), FakeProfile(name="second"))),
        )
        with pytest.raises(PluginConflict, match="one and two") as caught:
            registry.profile("same")
        assert caught.value.hint
        assert [profile.name for profile in registry.profiles()] == ["first", "second"]
        assert registry.profile("first").name == "first"
        one, two = registry.plugins()
        assert "profile:same is also contributed by two" in one.problem
        assert "profile:same is also contributed by one" in two.problem
        assert one.contributes == ("profile:first", "profile:same")

    def test_by_one_plugin_alone(self) -> None:
        registry = Registry.from_plugins(make_contributing_plugin("one", backends=(FakeBackend(), FakeBackend())))
        with pytest.raises(PluginConflict):
            registry.signer_backend("fake")
        assert "also contributed by one" in registry.plugins()[0].problem

    def test_by_the_same_plugin_twice(self) -> None:
        one = make_contributing_plugin("one", backends=(FakeBackend(),))
        with pytest.raises(PluginConflict):
            Registry.from_plugins(one, one).signer_backend("fake")


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise RuntimeError


class TestBroken:
    @pytest.mark.parametrize(
        ("broken", "reason"),
        [
            (make_plugin("misspelt", dcmseal_profile=lambda: ()), "dcmseal_profile"),
            (make_plugin("unmarked"), "no hook"),
            (ModuleType("empty"), "no hook"),
            (object(), "no hook"),
            (raising(RuntimeError("no licence\n\x1b[31m")), "RuntimeError: no licence [31m"),
            (raising(SystemExit(3)), "SystemExit: 3"),
            (raising(Unspeakable()), "Unspeakable"),
            (make_plugin("number", dcmseal_profiles=lambda: 7), "TypeError"),
            (make_plugin("endless", dcmseal_profiles=lambda: iter(FakeProfile, None)), "more than 1000"),
            (make_plugin("parameter", dcmseal_profiles=lambda surprise: surprise), "surprise"),
            (make_plugin("text", dcmseal_profiles=lambda: "none"), "AttributeError"),
            (make_contributing_plugin("class", profiles=(FakeProfile(name=7),)), "name"),
            (make_contributing_plugin("loud", profiles=(FakeProfile(name="Base RSA"),)), "name"),
            (make_contributing_plugin("long", profiles=(FakeProfile(name="n" * 65),)), "name"),
            (make_contributing_plugin("control", profiles=(FakeProfile(title="\x1b[2J"),)), "title"),
            (make_contributing_plugin("verbose", profiles=(FakeProfile(reference="r" * 301),)), "reference"),
            (make_contributing_plugin("drive", backends=(FakeBackend(scheme="c"),)), "scheme"),
            (make_contributing_plugin("swapped", backends=(FakeProfile(),)), "AttributeError"),
            (make_contributing_plugin("empty-handed", profiles=(None,)), "AttributeError"),
        ],
    )
    def test_is_listed_with_its_reason_and_leaves_the_others_be(self, broken: object, reason: str) -> None:
        good = make_contributing_plugin(
            "good", backends=(FakeBackend(scheme="good"),), profiles=(FakeProfile(name="good"),)
        )
        registry = Registry.from_plugins(broken, good)
        listed, healthy = registry.plugins()
        assert reason in listed.problem
        assert listed.problem.isprintable()
        assert healthy.problem == ""
        assert registry.profile("good").name == "good"
        assert registry.signer_backend("good").scheme == "good"

    def test_is_raised_only_for_what_might_have_come_from_it(self) -> None:
        registry = Registry.from_plugins(
            raising(RuntimeError("no licence")), make_contributing_plugin("good", profiles=(FakeProfile(),))
        )
        assert registry.profile("fake").name == "fake"
        with pytest.raises(PluginBroken, match=r"raising: .*no licence") as caught:
            registry.profile("other")
        assert caught.value.hint
        with pytest.raises(PluginNotFound):
            registry.signer_backend("other")

    def test_is_taken_whole_or_not_at_all(self) -> None:
        registry = Registry.from_plugins(
            make_contributing_plugin("half", profiles=(FakeProfile(name="fine"), FakeProfile(name="")))
        )
        assert registry.profiles() == ()
        with pytest.raises(PluginBroken):
            registry.profile("fine")

    def test_interrupt_of_the_user_is_not_held_up(self) -> None:
        def interrupted() -> Any:
            _thread.interrupt_main()
            Event().wait(60)

        with pytest.raises(KeyboardInterrupt):
            Registry.from_plugins(make_plugin("slow", dcmseal_profiles=interrupted)).profiles()

    @pytest.mark.parametrize("error", [KeyboardInterrupt(), GeneratorExit(), SystemExit(0), Panic("out of bounds")])
    def test_any_exception_of_a_plugin_is_reported_as_its_problem(self, error: BaseException) -> None:
        good = make_contributing_plugin("good", profiles=(FakeProfile(name="a"),))
        registry = Registry.from_plugins(raising(error), good)
        assert registry.profile("a").name == "a"
        with pytest.raises(PluginBroken, match=f"raising: .*{type(error).__name__}"):
            registry.profile("b")

    def test_a_plugin_that_hangs_is_given_up(self) -> None:
        with pytest.raises(PluginBroken, match="it hangs"):
            run_with_timeout(Event().wait, 0.05)

    @pytest.mark.parametrize(
        "method",
        ["__getattr__", "__getattribute__", "__str__", "__repr__", "__bool__", "__eq__", "__hash__", "__iter__"],
    )
    @pytest.mark.parametrize("kind", [RuntimeError, Panic])
    def test_values_that_fail_on_every_access(self, method: str, kind: type[BaseException]) -> None:
        def fail(*_: object) -> Any:
            raise kind("not configured")

        good = make_contributing_plugin(
            "good", profiles=(FakeProfile(name="a"),), backends=(FakeBackend(scheme="good"),)
        )
        value = type("Value", (FakeProfile,), {method: fail})(name="odd")
        text = type("Text", (str,), {method: fail})("text")
        nameless = type("Nameless", (type,), {"__name__": property(fail)})("Nameless", (), {})()
        hooks = {each: lambda: (value, nameless) for each in HOOKS}
        odd = make_plugin("odd", **hooks)
        named = make_contributing_plugin("named", profiles=(FakeProfile(name=text, title=text, reference=text),))
        wrong = raising(type("Wrong", (kind,), {method: fail})("error"))
        refused = raising(type("Refused", (SealError,), {method: fail})("error"))
        itself = type("Plugin", (), {method: fail})()
        registry = Registry.from_plugins(odd, named, wrong, refused, itself, good)
        assert registry.profile("a").name == "a"
        assert registry.signer_backend("good").scheme == "good"
        assert {each.name: bool(each.problem) for each in registry.plugins()}["good"] is False
        for plugin_ in registry.plugins():
            assert f"{plugin_}".isprintable()


class TestOpenSigner:
    def test_picks_the_backend_by_scheme(self) -> None:
        backend = FakeBackend()
        with Registry.from_plugins(make_contributing_plugin("one", backends=(backend,))).open_signer(
            "FAKE:key", decline
        ) as signer:
            assert signer.sign(MESSAGE) == b"signature"
        assert backend.log == ["open", "close"]

    @pytest.mark.parametrize(
        ("name", "hint"),
        [
            ("key.pem", "pem:{}?cert=CERTIFICATE"),
            ("key", "pem:{}?cert=CERTIFICATE"),
            ("key.der", "der:{}?cert=CERTIFICATE"),
            ("KEY.P12", "p12:{}"),
            ("key.pfx", "p12:{}"),
        ],
    )
    def test_path_in_place_of_a_uri(self, tmp_path: Path, name: str, hint: str) -> None:
        path = tmp_path / name
        path.write_bytes(b"")
        with pytest.raises(UsageError) as caught, Registry.from_plugins().open_signer(str(path), decline):
            pass
        assert hint.format(path) in caught.value.hint

    @pytest.mark.parametrize(
        ("uri", "kind"),
        [
            ("nowhere.pem", UsageError),
            ("fake:key?pin=hunter2", UsageError),
            ("other:key", PluginNotFound),
            ("", UsageError),
            ("\0", UsageError),
        ],
    )
    def test_uri_of_no_use(self, uri: str, kind: type[SealError]) -> None:
        backend = FakeBackend()
        registry = Registry.from_plugins(make_contributing_plugin("one", backends=(backend,)))
        with pytest.raises(kind) as caught, registry.open_signer(uri, decline):
            pass
        assert caught.value.hint
        assert backend.log == []

    def test_scheme_that_two_plugins_have(self) -> None:
        registry = Registry.from_plugins(
            make_contributing_plugin("one", backends=(FakeBackend(),)),
            make_contributing_plugin("two", backends=(FakeBackend(),)),
        )
        with pytest.raises(PluginError, match="one and two"), registry.open_signer("fake:key", decline):
            pass


def test_plugin_manager_of_each_plugin_is_its_own() -> None:
    def wrapper() -> Any:
        yield
        return [(FakeProfile(name="smuggled"),)]

    module = ModuleType("wrapping")
    vars(module)["dcmseal_profiles"] = hookimpl(wrapper=True)(wrapper)
    good = make_contributing_plugin("good", profiles=(FakeProfile(name="good"),))
    registry = Registry.from_plugins(module, good)
    assert registry.plugins()[1].contributes == ("profile:good",)
    assert registry.profile("good").name == "good"
    assert sys.modules.get("wrapping") is None
