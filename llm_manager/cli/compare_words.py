"""The words of `llm-manager compare`; `compare` does it."""

import sys
from typing import Annotated

from cyclopts import Parameter
from returns.result import Failure

from llm_manager.cli.asking import make_request
from llm_manager.cli.compare import compare, contenders
from llm_manager.cli.parsing import (
    Config,
    Documents,
    Images,
    Json,
    MaxTokens,
    Private,
    Prompt,
    System,
    Task,
    Temperature,
    Timeout,
    known_provider,
)
from llm_manager.cli.session import conduct, standard_output


def run(
    prompt: Prompt,
    /,
    *,
    model: Annotated[tuple[str, ...], Parameter(name=("--model", "-m"), negative=(), help="A model to ask; name at least two.")] = (),
    provider: Annotated[
        tuple[str, ...],
        Parameter(
            name="--provider",
            negative=(),
            help="Whose the models are, or, repeated, whom to ask without naming models.",
            validator=known_provider,
        ),
    ] = (),
    system: System = None,
    max_tokens: MaxTokens = None,
    temperature: Temperature = None,
    timeout: Timeout = None,
    task_type: Task = None,
    private: Private = False,
    image: Images = (),
    document: Documents = (),
    json: Json = False,
    config: Config = None,
) -> int:
    """Ask several models the same at once and show their answers side by side."""
    output = standard_output(json=json)
    named = contenders(model, provider)
    if isinstance(named, Failure):
        return output.failure(named.failure())
    request = make_request(
        prompt,
        stdin=sys.stdin,
        tell=output.note,
        system=system,
        max_tokens=max_tokens,
        temperature=temperature,
        task_type=task_type,
        sensitivity="private" if private else None,
        images=image,
        documents=document,
        timeout_seconds=timeout,
    )
    if isinstance(request, Failure):
        return output.failure(request.failure())
    asked, them = request.unwrap(), named.unwrap()
    return conduct(output, lambda session: compare(session, asked, them), config=config)
