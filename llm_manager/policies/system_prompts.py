"""System prompts as data: templates that declare their variables, and filling them in without evaluating anything."""

import re
from typing import Final

from attrs import field, frozen
from returns.result import Failure, Result, Success

from llm_manager.domain.errors import ConfigurationError, Fault, LLMError
from llm_manager.policies.names import nearest
from llm_manager.policies.prompt_texts import CONVERSATION, OPERATING_ASSISTANT

_PIECE: Final = re.compile(r"(\{\{|\}\}|\{([a-z_][a-z0-9_]{0,63})\}|[{}])")


@frozen(kw_only=True)
class PromptTemplate:
    """A prompt with gaps. In ``text``, ``{name}`` is a gap for a declared variable; ``{{`` and ``}}`` are braces."""

    name: str
    text: str = field(repr=False)
    variables: tuple[str, ...] = ()


SYSTEM_PROMPTS: Final[tuple[PromptTemplate, ...]] = (
    PromptTemplate(name="operating_assistant", text=OPERATING_ASSISTANT, variables=("current_time", "working_directory", "username")),
    PromptTemplate(name="conversation", text=CONVERSATION, variables=("started",)),
)
"""For an assistant that operates a computer through tools, and for a conversation with one."""


def system_prompt(name: str) -> Result[PromptTemplate, LLMError]:
    """A built-in template by its name."""
    for template in SYSTEM_PROMPTS:
        if template.name == name:
            return Success(template)
    known = tuple(template.name for template in SYSTEM_PROMPTS)
    meant = nearest(name, known) or known
    return Failure(ConfigurationError(message=f"no system prompt is called {name!r}; there are {', '.join(meant)}"))


def render(template: PromptTemplate, /, **variables: str) -> Result[str, LLMError]:
    """Fill in a template. Values go in as they are, braces and all, and nothing in them is read as a gap.

    A variable that is missing or not declared, or a gap that the template does not declare, is a fault; all come at once.

    >>> greeting = PromptTemplate(name="greeting", text="Hello {who}, {{ok}}", variables=("who",))
    >>> render(greeting, who="{you}").unwrap()
    'Hello {you}, {ok}'
    >>> str(render(greeting, whom="you").failure().faults[0])
    'greeting: who: is not given; pass who=...'
    """
    faults = tuple(_faults(template, variables))
    if faults:
        message = f"the prompt {template.name} cannot be filled in: " + "; ".join(f"{fault.key} {fault.problem}" for fault in faults)
        return Failure(ConfigurationError(message=message, faults=faults))
    return Success(_PIECE.sub(lambda found: variables[found[2]] if found[2] else found[0][0], template.text))


def _faults(template: PromptTemplate, variables: dict[str, str]) -> "list[Fault]":
    def fault(key: str, problem: str, fix: str) -> Fault:
        return Fault(source=template.name, key=key, problem=problem, fix=fix)

    declared = template.variables
    said = ", ".join(declared) or "none"
    told = set(_PIECE.findall(template.text))
    gaps = {gap for _, gap in told if gap}
    loose = any(piece in ("{", "}") for piece, _ in told)
    return [
        *(fault(name, "is not given", f"pass {name}=...") for name in declared if name not in variables),
        *(fault(name, "is no variable of it", f"its variables are {said}") for name in variables if name not in declared),
        *(fault(name, "is no text", "pass a str") for name in declared if not isinstance(variables.get(name, ""), str)),
        *(fault(name, "stands in its text and is not declared", "add it to variables") for name in sorted(gaps - set(declared))),
        *((fault("text", "holds a brace that begins or ends no gap", "write {{ or }}"),) if loose else ()),
    ]
