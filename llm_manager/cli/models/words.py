"""The words of `llm-manager models`; `listing` and `compare` do it."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Final, get_args

from cyclopts import Parameter
from cyclopts.types import NonNegativeFloat, NonNegativeInt

from llm_manager.cli.models.compare import models_compare
from llm_manager.cli.models.listing import Can, Sought, models
from llm_manager.cli.parsing import OF_MODELS, Config, Json, known_provider
from llm_manager.cli.session import conduct, standard_output
from llm_manager.domain.errors import InvalidRequest
from llm_manager.domain.models import Locality, ModelKind
from llm_manager.policies.model_order import ModelOrder

_CAN: Final[tuple[Can, ...]] = get_args(Can)


def _abilities(words: Sequence[str]) -> Iterator[Can]:
    """What is asked for, however it is separated."""
    for word in ",".join(words).replace(" ", ",").split(","):
        yield from (each for each in _CAN if each == word.lower())


def _known_abilities(_: object, words: Sequence[str]) -> None:
    for word in filter(None, ",".join(words).replace(" ", ",").split(",")):
        if word.lower() not in _CAN:
            raise ValueError(f"There is no ability {word}; there are {', '.join(_CAN)}.")


def run(
    *words: Annotated[str, Parameter(help="Only models whose name holds each of these words.")],
    provider: Annotated[str | None, Parameter(help="Only models of this provider.", validator=known_provider)] = None,
    where: Annotated[Locality | None, Parameter(help="Only models that run there.")] = None,
    kind: Annotated[ModelKind | None, Parameter(help="Only models of this kind.")] = None,
    max_price: Annotated[
        NonNegativeFloat | None, Parameter(help="Only models that cost no more, in $ per million tokens, three read to one written.")
    ] = None,
    min_window: Annotated[NonNegativeInt, Parameter(help="Only models whose window takes so many tokens.")] = 0,
    can: Annotated[
        tuple[str, ...],
        Parameter(negative=(), validator=_known_abilities, help=f"Only models that can do all of these, of {', '.join(_CAN)}."),
    ] = (),
    sort: Annotated[ModelOrder | None, Parameter(help="The cheapest first, the largest window first, or by name.")] = None,
    cheapest: Annotated[bool, Parameter(negative=(), help="Only the one that is cheapest to ask.")] = False,
    known: Annotated[
        bool, Parameter(negative=(), help="All that are known by data, of providers that are not configured too; nobody is asked.")
    ] = False,
    json: Json = False,
    config: Config = None,
) -> int:
    """List the models that can be asked, by provider, with window and price."""
    sought = Sought(
        words=" ".join(words),
        provider=provider,
        locality=where,
        kind=kind,
        most_usd=max_price,
        least_window=min_window,
        can=frozenset(_abilities(can)),
        order=sort,
        cheapest=cheapest,
        known=known,
    )
    return conduct(standard_output(json=json), lambda session: models(session, sought, commands=OF_MODELS), config=config)


def compare(
    *names: Annotated[str, Parameter(help="Models, by their names or as provider/name.")],
    json: Json = False,
    config: Config = None,
) -> int:
    """Show what is known of several models side by side."""
    output = standard_output(json=json)
    if len(names) < 2:
        return output.failure(InvalidRequest(message="name at least two models to compare"))
    return conduct(output, lambda session: models_compare(session, names), config=config)
