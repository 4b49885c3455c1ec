"""The page of public names says what the code says."""

import llm_manager
from tests import api_page
from tests.documents import ROOT


def test_every_public_name_is_listed_once() -> None:
    """In the section where a reader would look for it."""
    listed = [name for names in api_page.SECTIONS.values() for name in names.split()]
    assert sorted(listed) == sorted(llm_manager.__all__)


def test_the_page_is_up_to_date() -> None:
    """Write it anew with ``python -m tests.api_page > notes/api.md``."""
    assert (ROOT / "notes" / "api.md").read_text(encoding="utf-8") == api_page.page()
