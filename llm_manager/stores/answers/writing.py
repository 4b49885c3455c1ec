"""Writing what was put and what was used, together: one transaction for all that has come meanwhile."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final, Generic

from attrs import define, field, frozen
from sqlalchemy import Connection

from llm_manager.domain.caching import Remembered
from llm_manager.domain.configuration import CacheSettings
from llm_manager.policies.remembering import nanodollars
from llm_manager.services.cache import Value
from llm_manager.stores.answers import statements as say
from llm_manager.stores.answers.forms import Form
from llm_manager.stores.sql.spelling import spelled

_TIDIED_SECONDS: Final = 600.0


@frozen(eq=False)
class Put(Generic[Value]):
    """A value that is to be written."""

    remembered: Remembered[Value]
    made_at: float
    used_at: float


@define(eq=False)
class Use:
    """How often a value was used, and when last."""

    times: int
    at: float


@define(eq=False)
class Batch(Generic[Value]):
    """What is written together."""

    puts: Mapping[str, Put[Value]] = field(factory=dict)
    uses: Mapping[str, Use] = field(factory=dict)
    misses: int = 0


@frozen
class Held:
    """How many rows and bytes there are, and when the table was last put in order."""

    rows: int
    bytes: int
    tidied_at: float


def _key(item: tuple[str, object]) -> str:
    return item[0]


class Writing(Generic[Value]):
    """Writes batches of one form, and now and then puts the table in order."""

    def __init__(self, form: Form[Value], settings: CacheSettings, wall: Callable[[], float]) -> None:
        self._form, self._settings, self._wall = form, settings, wall
        self._held: Held | None = None

    def wrote(self, held: Held | None) -> None:
        """Take note of what there is once it is durable; None says that what was done was undone."""
        self._held = held

    def write(self, connection: Connection, batch: Batch[Value]) -> Held:
        """Write a batch, remove what is old or too much, and give what there is then.

        Rows are written in the order of their keys, so that no two processes wait for each other.
        """
        kind, now = self._form.kind, self._wall()
        known = self._held
        if known is None or not 0 <= now - known.tidied_at < _TIDIED_SECONDS:
            connection.execute(say.BRING_BACK, {"of_kind": kind, "now": now})
            self.remove_old(connection, now)
            known = Held(*say.held_of(connection, kind), now)
        rows, held = known.rows, known.bytes
        every = (self._row(key, put) for key, put in sorted(batch.puts.items(), key=_key))
        written = [row for row in every if row["bytes"] <= self._settings.max_bytes]
        if written:
            connection.execute(say.UNTAG, [{"of_kind": kind, "of_key": row["key"]} for row in written])
            connection.execute(say.PUT[connection.dialect.name], written)
            tags = [{"kind": kind, "key": row["key"], "tag": tag} for row in written for tag in dict.fromkeys(json.loads(row["tags"]))]
            if tags:
                connection.execute(say.TAG, tags)
            rows, held = rows + len(written), held + sum(row["bytes"] for row in written)
        if batch.uses or batch.misses:
            self._write_counts(connection, batch)
        if rows > self._settings.max_rows or held > self._settings.max_bytes:
            rows, held = say.make_room(connection, kind, self._settings.max_rows, self._settings.max_bytes)
        return Held(rows, held, known.tidied_at)

    def _write_counts(self, connection: Connection, batch: Batch[Value]) -> None:
        kind, uses = self._form.kind, {spelled(key): use for key, use in sorted(batch.uses.items(), key=_key)}
        nanos = unpriced = 0
        if uses:
            connection.execute(say.USED, [{"of_kind": kind, "of_key": key, "more": use.times, "at": use.at} for key, use in uses.items()])
            costs = {row.key: row.cost_nanos for row in connection.execute(say.COSTS, {"of_kind": kind, "of_keys": list(uses)})}
            nanos = sum((costs.get(key) or 0) * use.times for key, use in uses.items())
            unpriced = sum(use.times for key, use in uses.items() if costs.get(key) is None)
        connection.execute(
            say.BEGIN_COUNTS[connection.dialect.name], {"kind": kind, "hits": 0, "misses": 0, "unpriced": 0, "saved_nanos": 0}
        )
        more = {
            "of_kind": kind,
            "more_hits": sum(use.times for use in uses.values()),
            "more_misses": batch.misses,
            "more_unpriced": unpriced,
            "more_nanos": nanos,
        }
        connection.execute(say.COUNT, more)

    def _row(self, key: str, put: Put[Value]) -> dict[str, Any]:
        come, value = put.remembered.provenance, self._form.write(put.remembered.value)
        return {
            "kind": self._form.kind,
            "key": spelled(key),
            "value": value,
            "provider": spelled(come.provider),
            "model": spelled(come.model),
            "tenant": None if come.tenant is None else spelled(come.tenant),
            "tags": json.dumps([spelled(tag) for tag in come.tags]) if come.tags else "[]",
            "private": come.private,
            "cost_nanos": nanodollars(come.cost_usd),
            "bytes": len(value),
            "made_at": put.made_at,
            "used_at": put.used_at,
            "hits": 0,
            "made_by": None if come.made_by is None else spelled(come.made_by),
        }

    def remove_old(self, connection: Connection, now: float) -> None:
        """Remove what has outlived its time."""
        connection.execute(say.REMOVE_OLD, {"of_kind": self._form.kind, "until": now - self._settings.ttl_seconds})
