"""The words of the command line: every command, its options and their help. Decides nothing: each command hands on."""

import re
import sys
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Final, TypeAlias

from cyclopts import App, CycloptsError, Parameter, UnusedCliTokensError
from cyclopts.types import NonNegativeFloat, PositiveInt
from returns.result import Failure

from llm_manager.cli import generate, health, plan
from llm_manager.cli.asking import make_request
from llm_manager.cli.exits import USAGE
from llm_manager.cli.models import weights
from llm_manager.cli.session import conduct, standard_output
from llm_manager.cli.version import installed_version
from llm_manager.domain.plans import Strategy
from llm_manager.domain.requests import Reasoning, TaskType
from llm_manager.outcomes import sealed
from llm_manager.policies.names import AUTO, PROVIDERS, canonical_provider, nearest
from llm_manager.policies.printing import one_line
from llm_manager.runs.reading import Delimiter

Config: TypeAlias = Annotated[Path | None, Parameter(help="Read this settings file last, over all others.")]
Json: TypeAlias = Annotated[bool, Parameter(negative=(), help="Write JSON to standard output.")]


def _no_option(_: object, prompt: str) -> None:
    if _OPTION.fullmatch(prompt):
        raise ValueError(f"There is no option {prompt}.")


def _not_endless(_: object, seconds: float | None) -> None:
    if seconds is not None and not 0 < seconds <= _LONGEST_SECONDS:
        raise ValueError(f"Give more than 0 and at most {_LONGEST_SECONDS} seconds.")


def known_provider(_: object, given: str | Sequence[str] | None) -> None:
    """Refuse what names no provider, with the names it was probably meant for."""
    for name in () if given is None else (given,) if isinstance(given, str) else given:
        if name != AUTO and canonical_provider(name) is None:
            raise ValueError(f"There is no provider {name!r}; did you mean {', '.join(nearest(name, PROVIDERS) or PROVIDERS)}?")


def _share(_: object, part: float | None) -> None:
    if part is not None and not 0 <= part <= 1:
        raise ValueError("Give a share from 0 to 1.")


def _money(_: object, usd: Decimal | None) -> None:
    if usd is not None and not (usd.is_finite() and usd >= 0):
        raise ValueError("Give a number of US dollars from 0.")


Prompt: TypeAlias = Annotated[
    str,
    Parameter(
        help="What to ask; @FILE reads it, - takes standard input. Text piped in besides goes after it.",
        allow_leading_hyphen=True,
        validator=_no_option,
    ),
]
Model: TypeAlias = Annotated[str | None, Parameter(name=("--model", "-m"), help="Ask this model.")]
Provider: TypeAlias = Annotated[str | None, Parameter(help="Ask this provider.", validator=known_provider)]
Fallback: TypeAlias = Annotated[bool, Parameter(negative=(), help="Let others stand in for the model or provider named.")]
Timeout: TypeAlias = Annotated[float | None, Parameter(help="How long a model may be silent, in seconds.", validator=_not_endless)]
System: TypeAlias = Annotated[str | None, Parameter(help="What the model is told before the prompt; @FILE reads it.")]
Route: TypeAlias = Annotated[Strategy | None, Parameter(help="How to choose among models.")]
MaxTokens: TypeAlias = Annotated[PositiveInt | None, Parameter(help="The longest answer, in tokens.")]
Temperature: TypeAlias = Annotated[NonNegativeFloat | None, Parameter(help="0 for the likeliest words, more for variety.")]
TopP: TypeAlias = Annotated[float | None, Parameter(help="Only the likeliest words that make up this share.", validator=_share)]
Stop: TypeAlias = Annotated[
    tuple[str, ...], Parameter(name="--stop", negative=(), help="End the answer before this; may be repeated.", allow_leading_hyphen=True)
]
Seed: TypeAlias = Annotated[int | None, Parameter(help="The same number gives the same answer where a provider can.")]
Think: TypeAlias = Annotated[Reasoning | None, Parameter(help="How much the model may think before it answers.")]
Between: TypeAlias = Annotated[Delimiter | None, Parameter(help="What stands between the cells of CSV; a comma by default.")]
MaxCost: TypeAlias = Annotated[
    Decimal | None, Parameter(name="--max-cost", help="Spend no more than this, in US dollars.", validator=_money)
]
RunBudget: TypeAlias = Annotated[
    Decimal | None,
    Parameter(
        name=("--budget", "--max-cost"),
        help="Pause the run when this is spent, in US dollars; the same goes on with more.",
        validator=_money,
    ),
]
Task: TypeAlias = Annotated[TaskType | None, Parameter(help="What the prompt is about; the text decides otherwise.")]
Private: TypeAlias = Annotated[bool, Parameter(negative=(), help="Let only local models see the prompt.")]
Images: TypeAlias = Annotated[
    tuple[str, ...], Parameter(name="--image", negative=(), help="An image to send along, a file or an address; may be repeated.")
]
Documents: TypeAlias = Annotated[
    tuple[str, ...],
    Parameter(name="--document", negative=(), help="A PDF or text to send along, a file or a PDF's address; may be repeated."),
]

OF_MODELS: Final = ("search", "compare", "pull", "ps", "show", "rm", "disk", "updates", "recommend")
_LONGEST_SECONDS: Final = 86_400
_OPTION: Final = re.compile(r"--?[A-Za-z][\w-]*(=.*)?")
_EXAMPLES: Final = """\
Examples:

  llm-manager generate "Name three rivers of France."
  llm-manager run reviews.jsonl --prompt "Positive? {text}" -o answers.jsonl
  llm-manager plan "Write a SQL query" --private
  llm-manager config check

--config FILE, --json and --debug (what is sent and answered, without
keys or words) may follow any command.

Exit codes: 0 done, 1 something failed, 2 usage or configuration, 3 budget,
4 authentication, 130 interrupted, 143 terminated."""
_GENERATE: Final = """\
Examples:

  llm-manager generate "Name three rivers of France." --max-tokens 60
  cat notes.txt | llm-manager generate "Summarise in one sentence."
  llm-manager generate @prompt.txt --document report.pdf --reasoning low
  llm-manager generate "What is this?" --image photo.png --json"""
_RUN: Final = """\
Examples:

  llm-manager run reviews.jsonl --prompt "Positive? {text}" -o answers.jsonl \\
      --max-tokens 200 --budget 2.50
  llm-manager run reviews.csv --prompt @prompt.txt -o answers.csv \\
      --field sentiment=positive,negative,neutral --field score=int
  cat rows.jsonl | llm-manager run - --prompt "Translate: {text}" --dry-run"""
_EMBED: Final = """\
Examples:

  llm-manager embed reviews.jsonl --column text -o vectors.jsonl
  llm-manager embed "What is the capital of France?" --purpose query"""
_CHAT: Final = """\
Examples:

  llm-manager chat
  llm-manager chat --resume last --model gpt-4o
  printf 'Name a river.\\nAnother?\\n' | llm-manager chat --max-tokens 40"""
_PLAN: Final = """\
Examples:

  llm-manager plan "Write a SQL query" --strategy cost
  llm-manager plan - --private --json < letter.txt"""
_COMPARE: Final = """\
Examples:

  llm-manager compare "Name three rivers of France." --model gpt-4o --model claude
  llm-manager compare - --provider ollama --provider groq --json < question.txt"""
_MODELS: Final = """\
Examples:

  llm-manager models --provider openai
  llm-manager models llama --where local --json
  llm-manager models --can tools,images --min-window 200000 --sort price
  llm-manager models --known --sort price
  llm-manager models compare gpt-4o gpt-4o-mini
  llm-manager models pull llama3.2:3b
  llm-manager models recommend --vram 4"""
_CONFIG: Final = """\
Examples:

  llm-manager config show --json
  llm-manager config check --config project.toml"""


def parse_and_run(tokens: Sequence[str]) -> int:
    """Run the command that the words name; a mistake in them is one line and the usage exit code."""
    words = hoisted(tokens)
    end = words.index("--") if "--" in words else len(words)
    if "--debug" in words[:end]:
        words.remove("--debug")
        from llm_manager.cli.debugging import log_to

        log_to(sys.stderr)
    try:
        outcome = _app()(words, print_error=False, exit_on_error=False, result_action="return_value")
    except CycloptsError as error:
        output = standard_output(json="--json" in words)
        message = _message(error)
        output.note(f"error: {message} See {' '.join(('llm-manager', *(error.command_chain or ())))} --help.")
        if output.json:
            output.document({"error": {"tag": "UsageError", "message": message}})
        return USAGE
    return outcome if isinstance(outcome, int) else 0


def _message(error: CycloptsError) -> str:
    if isinstance(error, UnusedCliTokensError):
        return f"Too many words: {one_line(' '.join(error.unused_tokens or ()))}. Quote what belongs together."
    return one_line(str(error))


def hoisted(tokens: Sequence[str]) -> list[str]:
    """Let ``--config PATH`` and ``--json`` stand before the command too.

    >>> hoisted(["--json", "models", "pull"])
    ['models', 'pull', '--json']
    """
    rest = list(tokens)
    early: list[str] = []
    while rest and (rest[0] == "--json" or rest[0].startswith("--config=") or (rest[0] == "--config" and len(rest) > 1)):
        taken = 2 if rest[0] == "--config" else 1
        early, rest = early + rest[:taken], rest[taken:]
    if not rest:
        return early
    end = rest.index("--") if "--" in rest else len(rest)
    return [*rest[:end], *early, *rest[end:]]


def _app() -> App:
    from llm_manager.cli import audit, cache  # they take words from here
    from llm_manager.cli.conversations import words as conversations
    from llm_manager.cli.models import local_words
    from llm_manager.cli.models import words as models
    from llm_manager.cli.runs import words as runs
    from llm_manager.cli.usage import words as usage

    app = App(
        name="llm-manager",
        help="Ask language models, local and in the cloud, through one door.",
        help_epilogue=_EXAMPLES,
        help_format="plaintext",
        suppress_keyboard_interrupt=False,
        default_parameter=Parameter(show_default=False),
        version=installed_version,
        version_format="plaintext",
    )
    app.command(_generate, name="generate", help_epilogue=_GENERATE)
    app.command("llm_manager.cli.run.words:run", name="run", help="Ask a model about every row of a file.", help_epilogue=_RUN)
    app.command("llm_manager.cli.chat.words:run", name="chat", help="Talk with a model; what is said is kept.", help_epilogue=_CHAT)
    conversations.add(app)
    runs.add(app)
    app.command("llm_manager.cli.compare_words:run", name="compare", help="Ask several models the same.", help_epilogue=_COMPARE)
    app.command("llm_manager.cli.embed_words:run", name="embed", help="Turn texts into vectors.", help_epilogue=_EMBED)
    app.command(_plan, name="plan", help_epilogue=_PLAN)
    listing = App(name="models", help="List, search or compare the models that can be asked.", help_epilogue=_MODELS)
    listing.default(models.run)
    listing.command(models.run, name="search", help_epilogue="")
    listing.command(models.compare, name="compare", help_epilogue="")
    listing.command(_pull, name="pull", help_epilogue="")
    local_words.add(listing)
    app.command(listing)
    app.command(_providers, name="providers", help_epilogue="")
    app.command(_health, name="health", help_epilogue="")
    app.command(_budgets, name="budgets", help_epilogue="")
    audit.add(app)
    cache.add(app)
    usage.add(app)
    app.command(_mcp, name="mcp", help_epilogue="")
    settings = App(name="config", help="Show or check the settings.", help_epilogue=_CONFIG)
    settings.command(_show, name="show", help_epilogue="")
    settings.command(_check, name="check", help_epilogue="")
    app.command(settings)
    return app


def _generate(
    prompt: Prompt,
    /,
    *,
    model: Model = None,
    provider: Provider = None,
    fallback: Fallback = False,
    system: System = None,
    strategy: Route = None,
    max_tokens: MaxTokens = None,
    temperature: Temperature = None,
    top_p: TopP = None,
    stop: Stop = (),
    seed: Seed = None,
    reasoning: Think = None,
    timeout: Timeout = None,
    max_cost: MaxCost = None,
    task_type: Task = None,
    private: Private = False,
    image: Images = (),
    document: Documents = (),
    fresh: Annotated[bool, Parameter(negative=(), help="Ask anew, though an answer to the same words is remembered.")] = False,
    stream: Annotated[bool | None, Parameter(help="Show the answer as it comes; so on a terminal by default.")] = None,
    json: Json = False,
    config: Config = None,
) -> int:
    """Ask a model once and print its answer."""
    output = standard_output(json=json)
    request = make_request(
        prompt,
        stdin=sys.stdin,
        tell=output.note,
        system=system,
        model=model,
        provider=provider,
        max_tokens=max_tokens,
        temperature=temperature,
        top_p=top_p,
        stop=stop,
        seed=seed,
        reasoning=reasoning,
        task_type=task_type,
        sensitivity="private" if private else None,
        images=image,
        documents=document,
        fallback=fallback,
        timeout_seconds=timeout,
        max_cost_usd=max_cost,
        fresh=fresh,
    )
    if isinstance(request, Failure):
        return output.failure(request.failure())
    asked = request.unwrap()
    return conduct(output, lambda session: generate.generate(session, asked, stream=stream), config=config, strategy=strategy)


def _plan(
    prompt: Prompt,
    /,
    *,
    model: Model = None,
    provider: Provider = None,
    fallback: Fallback = False,
    system: System = None,
    strategy: Route = None,
    max_tokens: MaxTokens = None,
    task_type: Task = None,
    private: Private = False,
    image: Images = (),
    document: Documents = (),
    json: Json = False,
    config: Config = None,
) -> int:
    """Show which models would be asked, in which order and why; nothing is sent."""
    output = standard_output(json=json)
    request = make_request(
        prompt,
        stdin=sys.stdin,
        tell=output.note,
        system=system,
        model=model,
        provider=provider,
        max_tokens=max_tokens,
        task_type=task_type,
        sensitivity="private" if private else None,
        images=image,
        documents=document,
        fallback=fallback,
    )
    if isinstance(request, Failure):
        return output.failure(request.failure())
    asked = request.unwrap()
    return conduct(output, lambda session: plan.plan(session, asked), config=config, strategy=strategy)


def _pull(
    name: Annotated[str | None, Parameter(help="A model for a local server to fetch; without one, the embedded model.")] = None,
    /,
    *,
    provider: Annotated[str | None, Parameter(help="The server that fetches it; ollama by default.", validator=known_provider)] = None,
    json: Json = False,
    config: Config = None,
) -> int:
    """Fetch a model for a local server, or the weights of the embedded model (98 MB), once."""
    if name is not None:
        from llm_manager.cli.models.local_words import pull

        return pull(name, provider=provider, json=json, config=config)
    from llm_manager.real_world import real_world
    from llm_manager.settings import read_config

    output, world = standard_output(json=json), real_world()
    read = sealed(read_config(config, world.environ))
    if isinstance(read, Failure):
        return output.failure(read.failure())
    settings = read.unwrap().config
    return weights.pull(output, settings.embedded, world.environ, weights.fetching(world), airgap=settings.routing.airgap)


def _providers(*, json: Json = False, config: Config = None) -> int:
    """Show every provider there is, how it is and what it offers."""
    from llm_manager.cli.providers import providers

    return conduct(standard_output(json=json), providers, config=config)


def _health(
    *,
    provider: Annotated[str | None, Parameter(help="Only this provider.", validator=known_provider)] = None,
    json: Json = False,
    config: Config = None,
) -> int:
    """Ask each configured endpoint whether it answers."""
    return conduct(standard_output(json=json), lambda session: health.health(session, provider), config=config)


def _budgets(*, json: Json = False, config: Config = None) -> int:
    """Show every budget: its terms, what is spent of it and what is left."""
    from llm_manager.cli.budgets import budgets

    return conduct(standard_output(json=json), budgets, config=config)


def _mcp(*, config: Config = None) -> int:
    """Let other programs ask the models: an MCP server on standard input and output (extra mcp)."""
    from llm_manager.cli.mcp import mcp

    return conduct(standard_output(), mcp, config=config)


def _show(*, json: Json = False, config: Config = None) -> int:
    """Show each setting with where it came from; keys stay hidden."""
    from llm_manager.cli.configuration import show
    from llm_manager.real_world import real_world

    return show(standard_output(json=json), real_world(), path=config)


def _check(*, json: Json = False, config: Config = None) -> int:
    """Check the settings and list every fault at once."""
    from llm_manager.cli.configuration import check
    from llm_manager.real_world import real_world

    return check(standard_output(json=json), real_world(), path=config)
