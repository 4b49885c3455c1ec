"""How a database of an older version becomes one of this: Alembic's versions, applied when a database is opened.

    versions    one file for each version, never changed once it was released

A new database is made from `stores.sql.tables` at once, and `tests/stores/sql/test_migrations.py` sees to it that the versions lead to the
same. A version is written by ``python -m tests.schema_version WORDS``, read over, and named here.
"""

from pathlib import Path
from typing import Final

from attrs import frozen


@frozen(kw_only=True)
class Versions:
    """The versions in a folder, named from the oldest to the newest: an up-to-date database is known without importing Alembic."""

    folder: Path
    known: tuple[str, ...]

    @property
    def newest(self) -> str:
        return self.known[-1]


SHIPPED: Final = Versions(folder=Path(__file__).parent, known=("0001",))
