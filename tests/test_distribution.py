"""Advice to install more names the distribution that is really installed."""

import tomllib
from pathlib import Path

from llm_manager.distribution import distribution_name, install_hint

_PROJECT = Path(__file__).parent.parent / "pyproject.toml"


def test_the_hint_names_our_own_distribution_and_the_extra() -> None:
    """The name comes from the metadata, and is the one the project declares."""
    declared = tomllib.loads(_PROJECT.read_text())["project"]
    assert distribution_name() == declared["name"]
    assert install_hint("embedded") == f'pip install "{declared["name"]}[embedded]"'
    assert "embedded" in declared["optional-dependencies"]
