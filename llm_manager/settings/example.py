"""The text of `.env.example`, made of the table of variables so that it cannot fall behind."""

from itertools import groupby
from typing import Final

from llm_manager.settings.variables import PREFIX, RUNG, VARIABLES, Variable

_INTRODUCTION: Final = """\
# Variables that llm-manager reads, from the environment or from a file called .env in the folder worked in.
# The environment wins over this file, and both over settings files. None is needed; an empty value says nothing.
# Copy this file to .env, take away the # before what you need, and let nobody else read it: chmod 600 .env
"""
_GENERAL: Final = f"""
# Anything that a settings file may hold: {PREFIX}<SECTION>__<KEY>, which wins over the names above.
#{PREFIX}CACHE__MAX_SIZE=1000
#{PREFIX}EMBEDDED__ENABLED=true
#{PREFIX}BUDGETS__TEAM__LIMIT=50
#{PREFIX}PROVIDERS__OLLAMA__BASE_URL=http://ollama:11434
"""
_TITLES: Final = {RUNG: "Routing", "routing": "Routing", "cache": "Cache", "budgets": "Budgets", "network": "Network"}


def example_environment() -> str:
    """Every variable with its meaning and an example, commented out."""
    told = [variable for variable in VARIABLES if variable.note]
    groups = [f"\n# --- {title}\n" + "".join(map(_line, group)) for title, group in groupby(told, key=_title)]
    return _INTRODUCTION + "".join(groups) + _GENERAL


def _title(variable: Variable) -> str:
    return _TITLES.get(variable.key[0]) or f"Provider {variable.key[1]}"


def _line(variable: Variable) -> str:
    return f"# {variable.note}\n#{variable.name}={variable.example}\n"
