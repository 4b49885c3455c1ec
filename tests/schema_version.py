"""Writes the next version of the schema from what its tables now say: ``python -m tests.schema_version WORDS``.

``python -m tests.schema_version --anew`` writes the newest version again, as long as nobody has it. Read over what it wrote.
"""

import re
import subprocess
import sys
from collections.abc import Iterator

from alembic.autogenerate import produce_migrations, render_python_code
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, create_engine
from sqlalchemy.pool import NullPool
from sqlalchemy.schema import DDL

from llm_manager.stores.sql.migrating import bring_up
from llm_manager.stores.sql.migrations import SHIPPED
from llm_manager.stores.sql.tables import SCHEMA

_FOLDER = SHIPPED.folder / "versions"


def written(revision: str, words: str) -> str:
    """The file of a version that leads from the one before it to what the tables say."""
    before = f"{int(revision) - 1:04d}" if int(revision) > 1 else None
    with create_engine("sqlite://", poolclass=NullPool).connect() as connection:
        if before is not None:
            bring_up(connection, SHIPPED, before)
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        operations = produce_migrations(context, SCHEMA).upgrade_ops
        assert operations is not None
        code = render_python_code(operations, migration_context=context)
        triggers = list(_triggers(connection)) if before is None else []
    lines = [line for line in code.splitlines() if "commands auto generated" not in line and "end Alembic commands" not in line]
    said = "".join(f"        {statement!r},\n" for dialect, statement in triggers if dialect == "sqlite")
    server = "".join(f"        {statement!r},\n" for dialect, statement in triggers if dialect == "postgresql")
    after = f'''
_STATEMENTS: Final[Mapping[str, Sequence[str]]] = {{
    "sqlite": (
{said}    ),
    "postgresql": (
{server}    ),
}}
"""What no operation says, for each database."""
'''
    loop = "    for statement in _STATEMENTS[op.get_bind().dialect.name]:\n        op.execute(sa.text(statement))\n"
    imports = "from collections.abc import Mapping, Sequence\nfrom typing import Final\n\n" if triggers else ""
    body = "\n".join(lines).strip("\n") + "\n"
    return (
        f'"""{words[0].upper() + words[1:]}."""\n\n{imports}import sqlalchemy as sa\nfrom alembic import op\n\n'
        f"revision = {revision!r}\ndown_revision = {before!r}\n{after if triggers else ''}\n\n"
        f'def upgrade() -> None:\n    """{words[0].upper() + words[1:]}."""\n{_indented(body)}{loop if triggers else ""}'
    )


def _triggers(connection: Connection) -> Iterator[tuple[str, str]]:
    """What the tables say besides columns and indices."""
    for table in SCHEMA.sorted_tables:
        for listener in table.dispatch.after_create:
            if isinstance(listener, DDL):
                wanted = listener._ddl_if.dialect if listener._ddl_if is not None else None
                for dialect in ("sqlite", "postgresql"):
                    if wanted in (None, dialect):
                        yield dialect, (listener.statement % ()).replace(":", "\\:")


def _indented(body: str) -> str:
    lines = body.splitlines()
    least = min(len(line) - len(line.lstrip()) for line in lines if line.strip())
    return "".join(f"    {line[least:]}\n" if line.strip() else "\n" for line in lines)


def main(words: str) -> None:
    """Write the file."""
    if words == "--anew":
        revision = SHIPPED.newest
        (path,) = _FOLDER.glob(f"v{revision}_*.py")
        words = path.read_text().partition('"""')[2].partition(".")[0]
    else:
        revision = f"{len(list(_FOLDER.glob('v*.py'))) + 1:04d}"
        path = _FOLDER / f"v{revision}_{re.sub(r'[^a-z0-9]+', '_', words.lower()).strip('_')}.py"
    path.write_text(written(revision, words))
    subprocess.run([sys.executable, "-m", "ruff", "check", "--fix", "-q", str(path)], check=False)
    subprocess.run([sys.executable, "-m", "ruff", "format", "-q", str(path)], check=True)
    print(f"{path}: read it over, and name {revision} in llm_manager/stores/sql/migrations/__init__.py")


if __name__ == "__main__":
    main(" ".join(sys.argv[1:]))
