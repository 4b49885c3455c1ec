"""The audit trail in a database: it only grows, tells harm, and is written by several at once in one order."""

import asyncio
import stat
from functools import partial
from pathlib import Path

from returns.result import Failure, Success
from sqlalchemy import Connection, text

from llm_manager.domain.audit import Anchor
from llm_manager.domain.errors import LLMError, StorageFailed
from llm_manager.domain.events import AttemptStarted, MovedOn
from llm_manager.domain.secrets import Secret
from llm_manager.effects import settle
from llm_manager.outcomes import Settled
from llm_manager.services.audit_trail import AuditTrail
from llm_manager.stores.audit.anchors import add_anchor, read_anchors
from llm_manager.stores.audit.keeping import kept_audit
from llm_manager.stores.sql.database import Database

KEY = Secret("the-key-of-the-trail")


def started(number: int) -> AttemptStarted:
    """Something that happened."""
    return AttemptStarted(at=float(number), call_id=f"call-{number}", number=1, provider="openai", model="gpt-4o-mini")


def trail_in(database: Database, anchors: Path | None = None) -> AuditTrail:
    """A trail that says it is always the same moment."""
    return kept_audit(database, KEY, lambda: 1_700_000_000.25, anchors)


async def test_events_become_rows_in_order(database: Database) -> None:
    """Those that belong in the trail."""
    trail = trail_in(database)
    for number in range(3):
        trail.subscriber(started(number))
        trail.subscriber(MovedOn(at=1.0, call_id="c", from_model="a", to_model="b", after_seconds=0.0, error_tag="NetworkError"))
    end = (await settle(trail.anchor())).unwrap()
    assert end.rows == 3
    rows = (await settle(trail.rows(1, 10))).unwrap()
    assert [(row.number, row.kind, row.at) for row in rows] == [
        (2, "AttemptStarted", 1_700_000_000.25),
        (3, "AttemptStarted", 1_700_000_000.25),
    ]
    assert '"call":"call-1"' in rows[0].facts
    report = (await settle(trail.verify((end,)))).unwrap()
    assert report.whole and (report.rows, report.digest) == (3, end.digest)


async def test_two_who_write_at_once_make_one_chain(database: Database) -> None:
    """Two trails of one database, as two managers have."""
    one, other = trail_in(database), trail_in(database)
    for number in range(300):
        (one if number % 2 else other).subscriber(started(number))
        if number % 50 == 0:
            await asyncio.sleep(0)
    await asyncio.gather(settle(one.flush()), settle(other.flush()))
    report = (await settle(one.verify(()))).unwrap()
    assert report.whole and report.rows == 300


async def test_the_database_refuses_to_change_a_row(database: Database) -> None:
    """By mistake nobody edits or removes one."""
    trail = trail_in(database)
    trail.subscriber(started(1))
    await settle(trail.flush())
    for statement in ("update audit set facts = '{}'", "delete from audit"):
        refused = await database.write(partial(_said, statement=statement))
        assert isinstance(refused, Failure) and isinstance(refused.failure(), StorageFailed)
    assert (await settle(trail.verify(()))).unwrap().rows == 1


async def test_who_has_the_file_cannot_change_it_unseen(database: Database) -> None:
    """The refusals can be taken away; the seals remain."""
    trail = trail_in(database)
    for number in range(5):
        trail.subscriber(started(number))
    end = (await settle(trail.anchor())).unwrap()
    for statement in _opened(database):
        assert await database.write(partial(_said, statement=statement)) == Success(None)
    assert await database.write(partial(_said, statement="update audit set facts = '{}' where number = 2")) == Success(None)
    assert await database.write(partial(_said, statement="delete from audit where number = 5")) == Success(None)
    report = (await settle(trail.verify((end,)))).unwrap()
    assert [(fault.problem, fault.number) for fault in report.faults] == [("edited", 2), ("cut", 5)]


async def test_anchors_are_added_by_those_who_wrote(database: Database, tmp_path: Path) -> None:
    """Who only looked vouches for nothing; a file of anchors is its owner's alone."""
    place = tmp_path / "anchors.jsonl"
    trail = trail_in(database, place)
    assert await settle(trail.flush()) == Success(None)
    assert not place.exists()
    trail.subscriber(started(1))
    assert await settle(trail.flush()) == Success(None)
    assert await settle(trail.flush()) == Success(None)
    anchors = read_anchors(place).unwrap()
    assert [anchor.rows for anchor in anchors if anchor is not None] == [1]
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    assert (await settle(trail.verify(anchors))).unwrap().whole


async def test_what_adds_no_row_is_no_reason_for_an_anchor(database: Database, tmp_path: Path) -> None:
    """Nor is a look at where the trail ends: of one that somebody cut it would vouch for the cut."""
    trail = trail_in(database, tmp_path / "anchors.jsonl")
    trail.subscriber(MovedOn(at=1.0, call_id="c", from_model="a", to_model="b", after_seconds=0.0, error_tag="NetworkError"))
    await settle(trail.flush())
    assert (await settle(trail.end())).unwrap().rows == 0
    assert not (tmp_path / "anchors.jsonl").exists()


async def test_a_long_trail_is_anchored_now_and_then(database: Database, tmp_path: Path) -> None:
    """Not only at its end, which a crash would take away."""
    place = tmp_path / "anchors.jsonl"
    trail = trail_in(database, place)
    for number in range(2500):
        trail.subscriber(started(number))
        if number % 500 == 0:
            await settle(trail.rows(0, 1))
    await settle(trail.flush())
    assert read_anchors(place).unwrap()
    report = (await settle(trail.verify(read_anchors(place).unwrap()))).unwrap()
    assert report.whole and report.rows == 2500


def test_anchors_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    """A file that is not there is a failure, a line that is none is None, a link is not followed."""
    place = tmp_path / "anchors.jsonl"
    assert isinstance(read_anchors(place), Failure)
    anchor = Anchor(rows=3, digest="ab", at=1.5)
    assert add_anchor(place, anchor) == Success(None)
    with place.open("ab") as file:
        file.write(b"{}\nnonsense\n")
    assert read_anchors(place) == Success((anchor, None, None))
    link = tmp_path / "link"
    link.symlink_to(place)
    assert isinstance(add_anchor(link, anchor), Failure)


def _said(connection: Connection, statement: str) -> Settled[None, LLMError]:
    connection.execute(text(statement))
    return Success(None)


def _opened(database: Database) -> tuple[str, ...]:
    if database.place.startswith("postgresql"):
        return ("drop trigger audit_unchanging on audit",)
    return ("drop trigger audit_no_update", "drop trigger audit_no_delete")
