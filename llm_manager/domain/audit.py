"""The audit trail: rows chained by keyed digests, anchors kept elsewhere, and what a look at both found."""

from typing import Literal, TypeAlias

from attrs import frozen


@frozen(kw_only=True)
class AuditRow:
    """One thing that happened. ``facts`` is canonical JSON; ``digest`` seals the row and, through the one before it, all that came before.

    ``number`` counts from 1; ``at`` is seconds since 1970.
    """

    number: int
    at: float
    kind: str
    facts: str
    digest: str


@frozen(kw_only=True)
class Anchor:
    """How long the trail was, and the digest of its last row, at some time: kept where the trail is not, it shows a trail cut short."""

    rows: int
    digest: str
    at: float


AuditProblem: TypeAlias = Literal["edited", "missing", "repeated", "cut", "unreadable"]
"""``edited`` no longer fits its digest, ``missing`` has a gap before it, ``repeated`` is out of its order or there twice, ``cut`` is
where an anchor knows of more, or of another row, and ``unreadable`` is an anchor that is none."""


@frozen(kw_only=True)
class AuditFault:
    """Where the trail is not as it was written; ``number`` is that of the row, or of the anchor's last."""

    problem: AuditProblem
    number: int


@frozen(kw_only=True)
class AuditReport:
    """What a look at the whole trail found: so many rows, so many anchors, the first faults of ``faulty`` in all."""

    rows: int
    anchors: int
    digest: str
    faulty: int = 0
    faults: tuple[AuditFault, ...] = ()

    @property
    def whole(self) -> bool:
        """Say whether every row is as it was written and none is gone that an anchor knows of."""
        return not self.faulty
