"""The audit trail in a database: events are sealed in the order in which they came, by whichever process writes."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Final

import msgspec
from returns.result import Failure, Success
from sqlalchemy import Connection, bindparam, insert, select, text

from llm_manager.domain.audit import Anchor, AuditReport, AuditRow
from llm_manager.domain.errors import LLMError
from llm_manager.domain.events import Event
from llm_manager.domain.secrets import Secret
from llm_manager.effects import publish
from llm_manager.outcomes import Settled
from llm_manager.policies.audit_chain import BEGINNING, sealed_row, verify
from llm_manager.policies.audit_facts import audit_facts
from llm_manager.services.audit_trail import AuditTrail
from llm_manager.stores.audit.anchors import add_anchor
from llm_manager.stores.sql.database import Database
from llm_manager.stores.sql.queueing import Queueing
from llm_manager.stores.sql.tables.audit import AUDIT

_PAGE: Final = 1000
_ANCHORED_EVERY: Final = 1000
_LOST: Final = "Lost"
"""The kind of the row that tells how many events were not kept."""

_LAST: Final = select(AUDIT.c.number, AUDIT.c.digest).order_by(AUDIT.c.number.desc()).limit(1)
_AFTER: Final = select(AUDIT).where(AUDIT.c.number > bindparam("after")).order_by(AUDIT.c.number).limit(bindparam("most"))
_ADD: Final = insert(AUDIT)
_ALONE: Final = text("LOCK TABLE audit IN EXCLUSIVE MODE")
_ENCODER: Final = msgspec.json.Encoder(order="sorted")


def kept_audit(database: Database, key: Secret, wall: Callable[[], float], anchors: Path | None = None) -> AuditTrail:
    """Keep a trail sealed with ``key``; ``wall`` is seconds since 1970.

    Every 1000 rows, and whenever it is asked for, an anchor is added to the file ``anchors``.
    """
    secret = key.reveal().encode()
    since_anchor, sealing = 0, _Sealing(secret, wall)
    under_way: Future[Settled[Anchor, LLMError]] | None = None

    def written(_: int) -> None:
        nonlocal since_anchor, under_way
        since_anchor += sealing.added
        if anchors is not None and since_anchor >= _ANCHORED_EVERY:
            since_anchor, under_way = 0, database.write_soon(last)
            under_way.add_done_callback(lambda told: _add(anchors, told.result()))

    queue = Queueing(database, sealing.write, written=written)

    def subscriber(event: Event) -> None:
        queue.put((wall(), event))

    async def rows(after: int, most: int) -> Settled[tuple[AuditRow, ...], LLMError]:
        return await database.read(lambda connection: Success(tuple(_page(connection, after, most))))

    def last(connection: Connection) -> Settled[Anchor, LLMError]:
        row = connection.execute(_LAST).first()
        rows, digest = (0, BEGINNING) if row is None else (row.number, row.digest)
        return Success(Anchor(rows=rows, digest=digest, at=wall()))

    async def flush() -> Settled[None, LLMError]:
        flushed = await queue.flush()
        if under_way is not None:
            await asyncio.wrap_future(under_way)
        if since_anchor and not isinstance(flushed, Failure):  # who only looked at a trail vouches for nothing
            anchored = await anchor()
            return anchored if isinstance(anchored, Failure) else Success(None)
        return flushed

    async def end() -> Settled[Anchor, LLMError]:
        flushed = await queue.flush()
        return flushed if isinstance(flushed, Failure) else await database.read(last)

    async def anchor() -> Settled[Anchor, LLMError]:
        nonlocal since_anchor
        before, since_anchor = since_anchor, 0
        found = await end()
        if isinstance(found, Failure):
            since_anchor += before
        if anchors is None or isinstance(found, Failure):
            return found
        added = await asyncio.to_thread(add_anchor, anchors, found.unwrap())
        return added if isinstance(added, Failure) else found

    async def verified(anchors: Sequence[Anchor | None]) -> Settled[AuditReport, LLMError]:
        flushed = await queue.flush()
        if isinstance(flushed, Failure):
            return flushed
        return await database.read(lambda connection: Success(verify(_all(connection), secret, anchors)))

    return AuditTrail(
        subscriber=subscriber,
        flush=publish(flush),
        rows=publish(rows),
        end=publish(end),
        anchor=publish(anchor),
        verify=publish(verified),
    )


class _Sealing:
    """Seals events as rows at the end of the trail, wherever that is by then."""

    def __init__(self, secret: bytes, wall: Callable[[], float]) -> None:
        self._secret, self._wall = secret, wall
        self.added = 0
        """How many rows the last batch had."""

    def write(self, connection: Connection, events: Sequence[tuple[float, Event]], lost: int) -> None:
        told: list[tuple[float, str, Mapping[str, object]]] = [] if not lost else [(self._wall(), _LOST, {"events": lost})]
        told += [(at, event.tag, facts) for at, event in events if (facts := audit_facts(event)) is not None]
        self.added = len(told)
        if not told:
            return
        if connection.dialect.name == "postgresql":
            connection.execute(_ALONE)
        last = connection.execute(_LAST).first()
        number, before = (0, BEGINNING) if last is None else (last.number, last.digest)
        rows: list[dict[str, object]] = []
        for at, kind, facts in told:
            number += 1
            row = sealed_row(self._secret, before, number=number, at=at, kind=kind, facts=_ENCODER.encode(facts).decode())
            before = row.digest
            rows.append({"number": number, "at": at, "kind": kind, "facts": row.facts, "digest": before})
        connection.execute(_ADD, rows)


def _add(anchors: Path, found: Settled[Anchor, LLMError]) -> None:
    """Add an anchor in passing; that it could not be shows when one is asked for."""
    if isinstance(found, Success):
        add_anchor(anchors, found.unwrap())


def _page(connection: Connection, after: int, most: int) -> Iterator[AuditRow]:
    for row in connection.execute(_AFTER, {"after": after, "most": most}):
        yield AuditRow(number=row.number, at=row.at, kind=row.kind, facts=row.facts, digest=row.digest)


def _all(connection: Connection) -> Iterator[AuditRow]:
    """Every row, a page at a time, so that memory stays flat; all within one transaction."""
    after = -(2**62)
    while page := tuple(_page(connection, after, _PAGE)):
        yield from page
        after = page[-1].number
