"""What a conversation's model is told first, out of a template of the settings."""

from collections.abc import Mapping

from returns.result import Failure, Result

from llm_manager.domain.errors import LLMError
from llm_manager.domain.moments import moment
from llm_manager.outcomes import sealed
from llm_manager.policies.system_prompts import PromptTemplate, render, system_prompt


def session_prompt(template: str, *, began: float, now: float, environ: Mapping[str, str]) -> Result[str, LLMError]:
    """Fill in a built-in template, by its name, or a text of one's own that has a space in it.

    Its gaps may be ``{started}``, when the conversation began, so that equal words come before every turn of it; and
    ``{current_time}``, ``{working_directory}`` and ``{username}``.

    >>> session_prompt("Be brief. It began at {started}.", began=0.0, now=60.0, environ={}).unwrap()
    'Be brief. It began at 1970-01-01 00:00 UTC.'
    """
    values = {
        "started": moment(began),
        "current_time": moment(now),
        "working_directory": environ.get("PWD", "unknown"),
        "username": environ.get("USER") or environ.get("USERNAME", "unknown"),
    }
    if any(map(str.isspace, template)):
        used = tuple(name for name in values if f"{{{name}}}" in template)
        return render(PromptTemplate(name="context.system_prompt", text=template, variables=used), **{name: values[name] for name in used})
    found = sealed(system_prompt(template))
    if isinstance(found, Failure):
        return found
    return render(found.unwrap(), **{name: values[name] for name in found.unwrap().variables})
