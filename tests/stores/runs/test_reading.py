"""Pages of a run are read by their place: the thousandth takes no longer than the first, however many rows there are."""

from typing import Any

import pytest
from returns.result import Success
from sqlalchemy import Connection, Select, text

from llm_manager.outcomes import Settled
from llm_manager.stores.runs.reading import DOUBTS_PAGE, ROWS_PAGE
from llm_manager.stores.sql.connecting import open_database


@pytest.mark.parametrize("page", [ROWS_PAGE, DOUBTS_PAGE], ids=["rows", "doubts"])
def test_a_page_is_found_by_an_index_and_not_sorted(page: "Select[Any]") -> None:
    database = open_database(":memory:").unwrap()

    def planned(connection: Connection) -> Settled[str, Any]:
        said = str(page.compile(dialect=connection.dialect))
        found = connection.execute(text(f"EXPLAIN QUERY PLAN {said.replace('?', '1')}"))
        return Success(" ".join(str(row) for row in found))

    plan = database.read_now(planned).unwrap()
    database.close_now()
    assert "TEMP B-TREE" not in plan
    assert "run=? AND" in plan
