"""Keys that are kept in a file, one on each line."""

from pathlib import Path

from returns.result import Failure, Result, Success

from llm_manager.domain.errors import ConfigurationError, Fault, LLMError, Origin
from llm_manager.domain.secrets import Secret
from llm_manager.outcomes import sealed
from llm_manager.policies.headers import usable_key
from llm_manager.settings.files import read_text
from llm_manager.settings.kinds import Problem

_MOST_KEYS = 1000


def read_keys(provider: str, path: str) -> Result[tuple[Secret, ...], LLMError]:
    """Read every key of a file; empty lines and those that begin with # are left out. No error tells the folder or a line's text."""
    file = Path(path)
    outcome = sealed(read_text(file.expanduser() if path.startswith("~") else file, required=True))
    if isinstance(outcome, Failure):
        return _faulty(provider, file, outcome.failure())
    content = outcome.unwrap()
    if content is None:
        return _faulty(provider, file, Problem(problem="does not exist", fix="check the path"))
    lines = [line.strip() for line in content.text.splitlines()]
    given = [line for line in lines if line and not line.startswith("#")]
    if not given or len(given) > _MOST_KEYS:
        return _faulty(provider, file, Problem(problem=f"holds {len(given) or 'no'} keys", fix="write one key on each line"))
    keys: list[Secret] = []
    for number, line in enumerate(lines, 1):
        if not line or line.startswith("#"):
            continue
        judged = sealed(usable_key(provider, Secret(line)))
        if isinstance(judged, Failure):
            problem = f"holds on line {number} what is no key: spaces, or characters outside ASCII"
            return _faulty(provider, file, Problem(problem=problem, fix="write one key on each line"))
        keys.append(judged.unwrap())
    return Success(tuple(keys))


def _faulty(provider: str, file: Path, wrong: Problem) -> Result[tuple[Secret, ...], LLMError]:
    fault = Fault(source=provider, key="api_key_file", problem=f"{file.name} {wrong.problem}", fix=wrong.fix)
    message = f"the keys of {provider} could not be read"
    return Failure(ConfigurationError(message=message, faults=(fault,), origin=Origin(provider=provider)))
