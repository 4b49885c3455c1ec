"""What is said to a database of remembered values, compiled once."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, bindparam, delete, func, insert, or_, select, update

from llm_manager.domain.caching import Forgetting
from llm_manager.policies.remembering import going, room_for
from llm_manager.stores.sql.spelling import spelled
from llm_manager.stores.sql.tables.answers import ANSWER_TAGS, ANSWERS, CACHE_COUNTS
from llm_manager.stores.sql.upserting import in_its_place, unless_there

_A: Final = ANSWERS.c
_C: Final = CACHE_COUNTS.c
_KIND: Final = _A.kind == bindparam("of_kind")
_THIS: Final = (_KIND, _A.key == bindparam("of_key"))
_PAGE: Final = 1000

LOOK: Final = select(_A.value, _A.provider, _A.model, _A.tenant, _A.tags, _A.private, _A.cost_nanos, _A.made_at, _A.made_by).where(*_THIS)
MADE_AT: Final = select(_A.made_at).where(*_THIS)
PUT: Final = in_its_place(ANSWERS, ("kind", "key"), tuple(column.name for column in ANSWERS.c if not column.primary_key))
UNTAG: Final = delete(ANSWER_TAGS).where(ANSWER_TAGS.c.kind == bindparam("of_kind"), ANSWER_TAGS.c.key == bindparam("of_key"))
TAG: Final = insert(ANSWER_TAGS)
USED: Final = update(ANSWERS).where(*_THIS).values(hits=_A.hits + bindparam("more"), used_at=bindparam("at"))
COSTS: Final = select(_A.key, _A.cost_nanos).where(_KIND, _A.key.in_(bindparam("of_keys", expanding=True)))
BEGIN_COUNTS: Final = unless_there(CACHE_COUNTS)
COUNT: Final = (
    update(CACHE_COUNTS)
    .where(_C.kind == bindparam("of_kind"))
    .values(
        hits=_C.hits + bindparam("more_hits"),
        misses=_C.misses + bindparam("more_misses"),
        unpriced=_C.unpriced + bindparam("more_unpriced"),
        saved_nanos=_C.saved_nanos + bindparam("more_nanos"),
    )
)
COUNTS: Final = select(CACHE_COUNTS).where(_C.kind == bindparam("of_kind"))
HELD: Final = select(func.count(), func.coalesce(func.sum(_A.bytes), 0)).where(_KIND)
BY_MODEL: Final = (
    select(
        _A.provider,
        _A.model,
        func.count().label("held"),
        func.sum(_A.bytes).label("bytes"),
        func.sum(_A.hits).label("hits"),
        func.coalesce(func.sum(_A.hits * _A.cost_nanos), 0).label("nanos"),
    )
    .where(_KIND, _A.made_at > bindparam("after"))
    .group_by(_A.provider, _A.model)
    .order_by(_A.provider, _A.model)
)
REMOVE: Final = delete(ANSWERS).where(*_THIS)
REMOVE_OLD: Final = delete(ANSWERS).where(_KIND, _A.made_at <= bindparam("until"))
BRING_BACK: Final = update(ANSWERS).where(_KIND, _A.made_at > bindparam("now")).values(made_at=bindparam("now"))
"""What is dated later than now, since a clock was wrong, is as of now; else it might never grow old."""
LEAST_USED: Final = select(_A.key, _A.bytes).where(_KIND).order_by(_A.used_at).limit(bindparam("most"))


def meant(forgetting: Forgetting, kind: str, now: float) -> list[ColumnElement[bool]]:
    """The rows that are to be forgotten, as `policies.remembering.is_meant` has it."""
    which: list[ColumnElement[bool]] = [_A.kind == kind]
    if forgetting.model is not None:
        name = spelled(forgetting.model)
        which.append(or_(_A.model == name, (_A.provider + "/" + _A.model) == name))
    if forgetting.tenant is not None:
        which.append(_A.tenant == spelled(forgetting.tenant))
    if forgetting.tag is not None:
        tagged = select(ANSWER_TAGS.c.key).where(ANSWER_TAGS.c.kind == kind, ANSWER_TAGS.c.tag == spelled(forgetting.tag))
        which.append(_A.key.in_(tagged))
    if forgetting.older_than_seconds is not None:
        which.append(_A.made_at < now - forgetting.older_than_seconds)
    return which


def make_room(connection: Connection, kind: str, most_rows: int, most_bytes: int) -> tuple[int, int]:
    """Remove what was used longest ago while there is too much; give how many rows and bytes are left."""
    rows, held = held_of(connection, kind)
    if rows <= most_rows and held <= most_bytes:
        return rows, held
    rows_aim, bytes_aim = room_for(most_rows), room_for(most_bytes)
    while rows > rows_aim or held > bytes_aim:
        oldest: Sequence[Any] = connection.execute(LEAST_USED, {"of_kind": kind, "most": _PAGE}).all()
        gone = oldest[: going((size for _, size in oldest), rows - rows_aim, held - bytes_aim)]
        if not gone:
            break
        connection.execute(REMOVE, [{"of_kind": kind, "of_key": key} for key, _ in gone])
        rows, held = rows - len(gone), held - sum(size for _, size in gone)
    return rows, held


def held_of(connection: Connection, kind: str) -> tuple[int, int]:
    """How many rows and bytes there are."""
    rows, held = connection.execute(HELD, {"of_kind": kind}).one()
    return int(rows), int(held)
