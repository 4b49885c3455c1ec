"""The chain of the audit trail: every row is sealed by a digest, made with a key, of itself and of the digest before it.

Who lacks the key can change, remove, repeat or reorder no row without its being seen. Rows taken away at the end leave a chain that
is whole: only an anchor, kept elsewhere, tells of them.
"""

import hmac
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from typing import Final

from llm_manager.domain.audit import Anchor, AuditFault, AuditReport, AuditRow

BEGINNING: Final = "0" * 64
"""What stands before the first row."""

_TOLD: Final = 100


def sealed_row(key: bytes, before: str, *, number: int, at: float, kind: str, facts: str) -> AuditRow:
    """Make the next row of a chain whose last digest is ``before``."""
    return AuditRow(number=number, at=at, kind=kind, facts=facts, digest=_digest(key, before, number, at, kind, facts))


def verify(rows: Iterable[AuditRow], key: bytes, anchors: Sequence[Anchor | None] = ()) -> AuditReport:
    """Read a trail once, in the order in which it is kept, and tell every row that is not as it was written.

    After a fault the chain is taken up again from the digest that is there, so that one change is told once. An anchor that is None
    could not be read.
    """
    known = {(anchor.rows, anchor.digest) for anchor in anchors if anchor is not None and anchor.rows}
    due = sorted(known)
    found = _Found()
    for place, anchor in enumerate(anchors):
        if anchor is None:
            found.add(AuditFault(problem="unreadable", number=place + 1))
    before, last, count, at_anchor = BEGINNING, 0, 0, 0
    for row in rows:
        for fault in _faults(row, key, before, last):
            found.add(fault)
        count += 1
        while at_anchor < len(due) and due[at_anchor][0] <= row.number:
            if due[at_anchor] != (row.number, row.digest):
                found.add(AuditFault(problem="cut", number=due[at_anchor][0]))
            at_anchor += 1
        before, last = row.digest, max(last, row.number)
    for number, _ in due[at_anchor:]:
        found.add(AuditFault(problem="cut", number=number))
    return AuditReport(rows=count, anchors=len(anchors), digest=before, faulty=found.count, faults=tuple(found.told))


class _Found:
    """Counts all faults and keeps the first."""

    def __init__(self) -> None:
        self.count = 0
        self.told: list[AuditFault] = []

    def add(self, fault: AuditFault) -> None:
        self.count += 1
        if len(self.told) < _TOLD:
            self.told.append(fault)


def _faults(row: AuditRow, key: bytes, before: str, last: int) -> Iterator[AuditFault]:
    if row.number <= last:
        yield AuditFault(problem="repeated", number=row.number)
    elif row.number > last + 1:
        yield AuditFault(problem="missing", number=row.number)
    elif not hmac.compare_digest(_digest(key, before, row.number, row.at, row.kind, row.facts).encode(), row.digest.encode()):
        yield AuditFault(problem="edited", number=row.number)


def _digest(key: bytes, before: str, *row: object) -> str:
    """Each part with its length, so that no two rows are sealed alike."""
    parts = (str(part).encode("utf-8", "surrogatepass") for part in (before, *row))
    told = b"".join(b"%d:%b" % (len(part), part) for part in parts)
    return hmac.new(key, told, sha256).hexdigest()
