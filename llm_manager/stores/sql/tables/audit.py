"""The audit trail: rows that are only ever added."""

from typing import Final

from sqlalchemy import DDL, BigInteger, Column, Double, Integer, String, Table, Text, event

from llm_manager.stores.sql.tables.schema import SCHEMA

AUDIT: Final = Table(
    "audit",
    SCHEMA,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("at", Double, nullable=False),
    Column("kind", String, nullable=False),
    Column("facts", Text, nullable=False),
    Column("digest", String(64), nullable=False),
)

UNCHANGING: Final = {
    "sqlite": (
        "CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit trail only grows'); END",
        "CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit trail only grows'); END",
    ),
    "postgresql": (
        "CREATE FUNCTION audit_only_grows() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'the audit trail only grows'; END $$",
        "CREATE TRIGGER audit_unchanging BEFORE UPDATE OR DELETE OR TRUNCATE ON audit "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_only_grows()",
    ),
}
"""What makes each database refuse to change or remove a row: it stops mistakes, and the chain shows what it does not stop."""

for _dialect, _statements in UNCHANGING.items():
    for _statement in _statements:
        event.listen(AUDIT, "after_create", DDL(_statement).execute_if(dialect=_dialect))  # type: ignore[no-untyped-call]  # so it is there
