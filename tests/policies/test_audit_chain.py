"""The audit trail's chain: every change, removal, repetition or reordering of rows shows, and a cut end by its anchors."""

from collections.abc import Callable, Sequence

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from llm_manager.domain.audit import Anchor, AuditFault, AuditRow
from llm_manager.policies.audit_chain import BEGINNING, sealed_row, verify

KEY = b"a key that nobody else has"
MANY = 1000


def trail(count: int, key: bytes = KEY) -> list[AuditRow]:
    """Rows as they are written."""
    rows: list[AuditRow] = []
    before = BEGINNING
    for number in range(1, count + 1):
        rows.append(sealed_row(key, before, number=number, at=number / 7, kind="AttemptStarted", facts=f'{{"call":"{number}"}}'))
        before = rows[-1].digest
    return rows


ROWS = trail(MANY)
END = Anchor(rows=MANY, digest=ROWS[-1].digest, at=0.0)


def without(place: int) -> Sequence[AuditRow]:
    """One row is gone."""
    return [*ROWS[:place], *ROWS[place + 1 :]]


def edited(place: int) -> Sequence[AuditRow]:
    """One row says something else."""
    return [*ROWS[:place], evolve(ROWS[place], facts='{"call":"other"}'), *ROWS[place + 1 :]]


def swapped(place: int) -> Sequence[AuditRow]:
    """Two neighbours have changed places."""
    other = place - 1 if place else 1
    rows = list(ROWS)
    rows[place], rows[other] = rows[other], rows[place]
    return rows


def repeated(place: int) -> Sequence[AuditRow]:
    """One row is there twice."""
    return [*ROWS[: place + 1], ROWS[place], *ROWS[place + 1 :]]


def cut(place: int) -> Sequence[AuditRow]:
    """All rows from one on are gone."""
    return ROWS[:place]


def test_a_trail_is_whole_as_it_was_written() -> None:
    """With and without anchors, empty or not."""
    assert verify(ROWS, KEY).whole
    report = verify(ROWS, KEY, (Anchor(rows=0, digest=BEGINNING, at=0.0), Anchor(rows=5, digest=ROWS[4].digest, at=0.0), END))
    assert report.whole and (report.rows, report.anchors, report.digest) == (MANY, 3, ROWS[-1].digest)
    assert verify((), KEY).digest == BEGINNING


@pytest.mark.parametrize("harm", [without, edited, swapped, repeated, cut])
def test_every_harm_to_every_row_shows(harm: Callable[[int], Sequence[AuditRow]]) -> None:
    """A thousand rows, each of them harmed in each way; the end is anchored."""
    near = 20  # rows around the harm decide; the rest of the trail is the same for all
    for place in range(MANY):
        rows = harm(place)
        start = max(0, place - near)
        before = ROWS[start - 1].digest if start else BEGINNING
        shown = _shows(rows[start : place + near], before, ROWS[start].number)
        assert shown or not verify(rows, KEY, (END,)).whole, place


def _shows(rows: Sequence[AuditRow], before: str, first: int) -> bool:
    """Say whether a piece of the trail shows its harm, by sealing it again from where it begins."""
    for offset, row in enumerate(rows):
        if sealed_row(KEY, before, number=first + offset, at=row.at, kind=row.kind, facts=row.facts) != row:
            return True
        before = row.digest
    return False


def test_faults_are_told_where_they_are() -> None:
    """One change is one fault."""
    assert verify(edited(4), KEY).faults == (AuditFault(problem="edited", number=5),)
    assert verify(without(4), KEY).faults == (AuditFault(problem="missing", number=6),)
    assert verify(repeated(4), KEY).faults == (AuditFault(problem="repeated", number=5),)
    assert verify(cut(990), KEY).whole  # what only an anchor tells
    assert verify(cut(990), KEY, (END, END)).faults == (AuditFault(problem="cut", number=MANY),)
    assert verify(ROWS, KEY, (None,)).faults == (AuditFault(problem="unreadable", number=1),)


def test_a_trail_that_was_written_anew_with_another_key_is_no_longer_ours() -> None:
    """Who lacks the key can forge no row, not even all of them."""
    forged = trail(10, b"another key")
    assert verify(forged, KEY).faulty == 10
    assert {fault.problem for fault in verify(forged, KEY).faults} == {"edited"}


def test_only_the_first_faults_are_told_and_all_are_counted() -> None:
    """A report of a trail with a million faults is no million lines."""
    report = verify(trail(300, b"another key"), KEY)
    assert (report.faulty, len(report.faults)) == (300, 100)


@given(
    st.lists(st.tuples(st.floats(allow_nan=False), st.text(max_size=8), st.text(max_size=8)), min_size=1, max_size=6),
    st.data(),
)
def test_any_field_of_any_row_is_sealed(told: list[tuple[float, str, str]], data: st.DataObject) -> None:
    """Whatever the rows hold; moving a character from one field to the next is a change too."""
    rows: list[AuditRow] = []
    before = BEGINNING
    for number, (at, kind, facts) in enumerate(told, start=1):
        rows.append(sealed_row(KEY, before, number=number, at=at, kind=kind, facts=facts))
        before = rows[-1].digest
    assert verify(rows, KEY).whole
    place = data.draw(st.integers(0, len(rows) - 1))
    row = rows[place]
    changed = data.draw(
        st.sampled_from(
            [
                evolve(row, at=row.at + 1.0 if abs(row.at) < 1e15 else 0.5),
                evolve(row, kind=row.kind + "x"),
                evolve(row, facts="x" + row.facts),
                evolve(row, kind=row.kind + row.facts[:1], facts=row.facts[1:] + "y"),
                evolve(row, digest="f" * 64),
            ]
        )
    )
    assert not verify([*rows[:place], changed, *rows[place + 1 :]], KEY, (Anchor(rows=len(rows), digest=before, at=0.0),)).whole
