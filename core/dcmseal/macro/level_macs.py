"""The MAC of a signature: the elements it lists, then its own item (PS3.3 C.12.1.1.3.1.2)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Self

from dcmseal import tags
from dcmseal.dataset.scanner import LevelScanner
from dcmseal.dataset.source import Buffer
from dcmseal.errors import DatasetError, MechanismUnavailable, NoSuchSignature, NotSignable
from dcmseal.mac.digest import Digest, new_digest
from dcmseal.mac.level_pass import LevelFacts, LevelPass, MacJob
from dcmseal.mac.mac_encoder import MacEncoder
from dcmseal.mac.vr_context import VrRules
from dcmseal.macro.levels import Level
from dcmseal.macro.read import LevelSignatures, MacParametersItem, SignatureItem, read_parameters, read_signatures
from dcmseal.model.signature import MacParameters

MAX_MACS = 64
"""Different MACs made in one pass; more than that at one level is an attack on the verifier's time."""

MacKey = tuple[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class MacVariant:
    """How to encode, where the plain reading of the standard is not the only one met in the field."""

    rules: VrRules = VrRules()
    fragment_lengths: bool = False


PLAIN_VARIANT = MacVariant()


@dataclass(slots=True, kw_only=True)
class LevelMacs:
    """All MACs over the elements of a level, before anything of the signatures' own items."""

    scan: LevelScanner
    facts: LevelFacts
    level_signatures: LevelSignatures
    jobs: dict[MacKey, MacJob]
    variant: MacVariant
    ambiguous: bool
    """The VRs of some elements could be chosen in another way."""
    _signable: tuple[int, ...] | None = None
    _last_lookup: tuple[MacParameters | None, MacJob | None] = None, None

    def find_job(self, parameters: MacParameters | None) -> MacJob | None:
        """The MAC over the elements that the parameters list; None if it could not be made."""
        # to look up a list of hundreds of tags takes time, and one signature is asked about again and again
        if parameters is not self._last_lookup[0]:
            self._last_lookup = parameters, None if parameters is None else self.jobs.get(mac_key(parameters))
        return self._last_lookup[1]

    def listed_tags(self, parameters: MacParameters | None) -> frozenset[int]:
        """Data Elements Signed, as a set."""
        job = self.find_job(parameters)
        if job is not None and job.tags is not None:
            return job.tags
        return frozenset(parameters.elements if parameters else ())

    @property
    def signable(self) -> tuple[int, ...]:
        """Tags of the level's elements that may be signed."""
        if self._signable is None:
            unsignable = self.facts.unsignable
            self._signable = tuple([tag for tag in self.scan.tags if tag not in unsignable])
        return self._signable

    def complete_mac(self, found: SignatureItem) -> MacJob | None:
        """The complete MAC of a signature; None if its parameters do not allow one.

        ``unsignable`` are the elements of its item that no MAC can hold, so that anybody may have put them there.
        """
        job = self.find_job(found.signature.mac)
        return None if job is None else _run_item_job(found.item, job.digest.copy(), self.variant)

    def digest(self, found: SignatureItem) -> bytes | None:
        """The value of the complete MAC of a signature; None if its parameters do not allow one."""
        job = self.complete_mac(found)
        return None if job is None else job.digest.digest()


@dataclass(frozen=True, slots=True)
class MacJobs:
    """The MACs that are to be made in one pass over a level, for what its MAC Parameters Sequence asks for."""

    by_key: dict[MacKey, MacJob] = field(default_factory=dict[MacKey, MacJob])
    last_lookup: tuple[MacParameters | None, MacJob | None] = None, None

    @classmethod
    def build(
        cls, found: Iterable[MacParametersItem], digest_factory: Callable[[MacParameters], Digest | None] | None = None
    ) -> Self:
        """Those of all parameters for which ``digest_factory`` starts a digest; of parameters alike, there is one."""
        start_digest = _start_digest if digest_factory is None else digest_factory
        jobs: dict[MacKey, MacJob] = {}
        last: tuple[MacParameters | None, MacJob | None] = None, None
        for each in found:
            parameters = each.parameters
            key = mac_key(parameters)
            # of the usual one and only, the key is not hashed more often than needed: it has hundreds of tags
            if not jobs or (len(jobs) < MAX_MACS and key not in jobs):
                digest = start_digest(parameters)
                if digest is not None:
                    last = parameters, MacJob(tags=frozenset(parameters.elements), digest=digest)
                    jobs[key] = last[1]
        return cls(jobs, last)


def mac_key(parameters: MacParameters) -> MacKey:
    """MACs of equal key are equal over the data elements."""
    return parameters.algorithm, parameters.elements


def digest_item(item: LevelScanner, digest: Digest, variant: MacVariant = PLAIN_VARIANT) -> Digest:
    """Feed the signature's own item, less the elements that are made from the MAC (PS3.3 C.12.1.1.3.1.2)."""
    return _run_item_job(item, digest, variant).digest


def _run_item_job(item: LevelScanner, digest: Digest, variant: MacVariant) -> MacJob:
    job = MacJob(tags=frozenset(item.tags) - tags.NOT_IN_MAC, digest=digest)
    encoder = MacEncoder(source=item.source, encoding=item.encoding, rules=variant.rules)
    LevelPass(item, encoder, lambda _: (job,)).run()
    return job


def compute_level_macs(
    level: Level,
    variant: MacVariant = PLAIN_VARIANT,
    digest_factory: Callable[[MacParameters], Digest | None] | None = None,
) -> LevelMacs:
    """Make all MACs that the level's MAC Parameters Sequence asks for, in one pass.

    ``digest_factory`` starts a digest for a set of parameters, or says None to leave it out. Raises Malformed.
    """
    scan = level.scanner()
    started = MacJobs()
    found_parameters: tuple[MacParametersItem, ...] = ()

    def prepare(scanned: LevelScanner) -> Sequence[MacJob]:
        nonlocal found_parameters, started
        found_parameters = read_parameters(scanned)
        started = MacJobs.build(found_parameters, digest_factory)
        return tuple(started.by_key.values())

    encoder = MacEncoder(
        source=level.source,
        encoding=level.encoding,
        rules=variant.rules,
        fragment_lengths=variant.fragment_lengths,
    )
    facts = LevelPass(scan, encoder, prepare).run()
    return LevelMacs(
        scan=scan,
        facts=facts,
        level_signatures=read_signatures(scan, level.location, found_parameters),
        jobs=started.by_key,
        variant=variant,
        ambiguous=encoder.notes.ambiguous,
        _last_lookup=started.last_lookup,
    )


def _start_digest(parameters: MacParameters) -> Digest | None:
    algorithm = parameters.mac_algorithm
    if algorithm is None:
        return None
    try:
        return new_digest(algorithm)
    except MechanismUnavailable:
        return None


class _PassThroughDigest:
    """A digest that passes on what it is fed."""

    __slots__ = ("_update",)

    def __init__(self, update: Callable[[Buffer], object]) -> None:
        self._update = update

    def update(self, data: Buffer, /) -> object:
        return self._update(data)

    def digest(self) -> bytes:
        return b""

    def copy(self) -> _PassThroughDigest:
        return self


def feed_mac_stream(
    level: Level, index: int, update: Callable[[Buffer], object], variant: MacVariant = PLAIN_VARIANT
) -> None:
    """Pass on the MAC byte stream of the signature at an index of a level.

    Raises NoSuchSignature if there is none or it has no MAC parameters, NotSignable, once all is passed on, if it
    lists an element that may not be signed and is therefore left out.
    """
    signatures = read_signatures(level.scanner().finish(), level.location).signatures
    parameters = signatures[index].signature.mac if index < len(signatures) else None
    if parameters is None:
        raise NoSuchSignature(
            "the signature has no MAC parameters", hint="verify() says more", code="signature-damaged"
        )
    wanted = mac_key(parameters)
    macs = compute_level_macs(
        level, variant, lambda each: _PassThroughDigest(update) if mac_key(each) == wanted else None
    )
    job = macs.jobs.get(wanted)
    if job is None:
        raise DatasetError(
            "the data set's elements are not in ascending order", hint="verify() says more", code="signature-damaged"
        )
    digest_item(signatures[index].item, _PassThroughDigest(update), variant)
    for tag, why in job.unsignable:
        raise NotSignable(tag, why)
