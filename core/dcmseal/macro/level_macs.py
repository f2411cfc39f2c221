"""Compute the MACs of signatures: digests of the listed elements and of the signature's item (PS3.3 C.12.1.1.3.1.2)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Self

from msgspec import Struct, field

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
"""Maximum number of MACs to compute in one pass; a level that requires more is an attack on the verifier's time."""

MacKey = tuple[str, tuple[int, ...]]


class MacVariant(Struct, frozen=True, kw_only=True):
    """How to encode the MAC byte stream, where existing software differs from the standard."""

    rules: VrRules = VrRules()
    fragment_lengths: bool = False


PLAIN_VARIANT = MacVariant()


class LevelMacs(Struct, kw_only=True):
    """All MACs of a level, before the signatures' own items are included."""

    scan: LevelScanner
    facts: LevelFacts
    level_signatures: LevelSignatures
    jobs: dict[MacKey, MacJob]
    variant: MacVariant
    ambiguous: bool
    """Whether VRs were derived from the context, so that variants with other rules have other MACs."""
    _signable: tuple[int, ...] | None = None
    _last_lookup: tuple[MacParameters | None, MacJob | None] = None, None

    def find_job(self, parameters: MacParameters | None) -> MacJob | None:
        """Look up the MAC over the elements in the parameters; None if it could not be computed."""
        # hashing a list of hundreds of tags takes time, and the same parameters are looked up repeatedly
        if parameters is not self._last_lookup[0]:
            self._last_lookup = parameters, None if parameters is None else self.jobs.get(mac_key(parameters))
        return self._last_lookup[1]

    def listed_tags(self, parameters: MacParameters | None) -> frozenset[int]:
        """Return Data Elements Signed as a set."""
        job = self.find_job(parameters)
        if job is not None and job.tags is not None:
            return job.tags
        return frozenset(parameters.elements if parameters else ())

    @property
    def signable(self) -> tuple[int, ...]:
        """Tags of the elements that can be signed."""
        if self._signable is None:
            unsignable = self.facts.unsignable
            self._signable = tuple([tag for tag in self.scan.tags if tag not in unsignable])
        return self._signable

    def complete_mac(self, signature_item: SignatureItem) -> MacJob | None:
        """Compute the complete MAC of a signature; None if its parameters do not allow one.

        ``unsignable`` of the result are elements of the signature's item that no MAC protects.
        """
        job = self.find_job(signature_item.signature.mac)
        return None if job is None else _run_item_job(signature_item.item, job.digest.copy(), self.variant)

    def digest(self, signature_item: SignatureItem) -> bytes | None:
        """Compute the digest of the complete MAC of a signature; None if its parameters do not allow one."""
        job = self.complete_mac(signature_item)
        return None if job is None else job.digest.digest()


class MacJobs(Struct, frozen=True):
    """The MACs to compute in one pass over a level, for the items of its MAC Parameters Sequence."""

    by_key: dict[MacKey, MacJob] = field(default_factory=dict[MacKey, MacJob])
    last_lookup: tuple[MacParameters | None, MacJob | None] = None, None

    @classmethod
    def build(
        cls, found: Iterable[MacParametersItem], digest_factory: Callable[[MacParameters], Digest | None] | None = None
    ) -> Self:
        """Build one MAC for each different set of parameters.

        Args:
            found: The items of MAC Parameters Sequence.
            digest_factory: Starts a digest, or returns None to skip the parameters.
        """
        start_digest = _start_digest if digest_factory is None else digest_factory
        jobs: dict[MacKey, MacJob] = {}
        last: tuple[MacParameters | None, MacJob | None] = None, None
        for each in found:
            parameters = each.parameters
            key = mac_key(parameters)
            # usually there is one item: do not hash its key, which has hundreds of tags, more often than necessary
            if not jobs or (len(jobs) < MAX_MACS and key not in jobs):
                digest = start_digest(parameters)
                if digest is not None:
                    last = parameters, MacJob(tags=frozenset(parameters.elements), digest=digest)
                    jobs[key] = last[1]
        return cls(jobs, last)


def mac_key(parameters: MacParameters) -> MacKey:
    """Return the key of parameters; MACs over the elements are equal if their keys are."""
    return parameters.algorithm, parameters.elements


def digest_item(item: LevelScanner, digest: Digest, variant: MacVariant = PLAIN_VARIANT) -> Digest:
    """Add the signature's own item to a MAC, without the elements that depend on it (PS3.3 C.12.1.1.3.1.2)."""
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
    """Compute the MACs for all items of MAC Parameters Sequence in one pass over a level.

    Args:
        level: The level.
        variant: How to encode the MAC byte stream.
        digest_factory: Starts a digest, or returns None to skip the parameters.

    Raises:
        Malformed: The encoding violates PS3.5.
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
    """A digest that passes its input on."""

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
    """Pass on the MAC byte stream of a signature.

    Args:
        level: The level of the signature.
        index: The index of the signature in Digital Signatures Sequence.
        update: Receives the stream in pieces.
        variant: How to encode it.

    Raises:
        NoSuchSignature: The signature does not exist, or has no MAC parameters.
        NotSignable: The signature lists an element that cannot be signed; the rest of the stream was passed on.
        DatasetError: The elements of the level are not in ascending order.
    """
    signatures = read_signatures(level.scanner().finish(), level.location).signatures
    parameters = signatures[index].signature.mac if index < len(signatures) else None
    if parameters is None:
        raise NoSuchSignature(
            "the signature has no MAC parameters", hint="verify the file for details", code="signature-damaged"
        )
    wanted = mac_key(parameters)
    macs = compute_level_macs(
        level, variant, lambda each: _PassThroughDigest(update) if mac_key(each) == wanted else None
    )
    job = macs.jobs.get(wanted)
    if job is None:
        raise DatasetError(
            "the data set's elements are not in ascending order",
            hint="verify the file for details",
            code="signature-damaged",
        )
    digest_item(signatures[index].item, _PassThroughDigest(update), variant)
    for tag, why in job.unsignable:
        raise NotSignable(tag, why)
