"""`llm-manager models pull NAME`, `ps`, `show`, `rm`, `disk`, `updates`, `recommend`: the models that a local server keeps."""

from collections.abc import Callable, Iterable
from contextlib import aclosing
from typing import Final, TypeAlias

from attrs import asdict
from returns.result import Failure, Success

from llm_manager.cli.exits import FAILED, OK, USAGE
from llm_manager.cli.models.weights import OnProgress, showing
from llm_manager.cli.output import Output
from llm_manager.domain.errors import LLMError
from llm_manager.domain.local_models import CatalogueModel, LocalModel, Placement, RunningModel
from llm_manager.effects import settle
from llm_manager.outcomes import Settled, sealed
from llm_manager.policies.local_models import LOCAL_CATALOGUE, placed, recommend, recommended_pulls
from llm_manager.services.local_models import LocalModels

_GIGABYTE: Final = 1e9
_STARS: Final = 5
_USUAL_GB: Final = (4, 8, 12, 24)
_PLACES: Final[dict[Placement, str]] = {"gpu": "GPU", "shared": "GPU and CPU", "cpu": "CPU"}
Confirm: TypeAlias = Callable[[str], bool | None]
"""Asks the person; None when there is nobody to ask."""


async def pull(output: Output, models: LocalModels, name: str) -> int:
    """Have the server fetch a model, with its progress shown."""
    with showing(output, f"fetching {name}") as on_progress:
        fetched = await _pulled(models, name, on_progress)
    if isinstance(fetched, Failure):
        return output.failure(fetched.failure())
    output.note(f"fetched {name}")
    if output.json:
        output.document({"model": name})
    return OK


async def _pulled(models: LocalModels, name: str, on_progress: OnProgress) -> Settled[None, LLMError]:
    async with aclosing(models.pull(name)) as progress:
        async for outcome in progress:
            told = sealed(outcome)
            if isinstance(told, Failure):
                return told
            on_progress(told.unwrap().completed_bytes, told.unwrap().total_bytes)
    return Success(None)


async def running(output: Output, models: LocalModels) -> int:
    """Show what is in the server's memory, and how much of that on its GPU."""
    outcome = await settle(models.running())
    if isinstance(outcome, Failure):
        return output.failure(outcome.failure())
    found = outcome.unwrap()
    if output.json:
        output.document([asdict(model) for model in found])
    else:
        output.table(("model", "GB", "on the GPU", "window", "until"), map(_running_row, found))
    return OK


async def show(output: Output, models: LocalModels, name: str) -> int:
    """Show what the server tells of one model."""
    outcome = await settle(models.show(name))
    if isinstance(outcome, Failure):
        return output.failure(outcome.failure())
    told = outcome.unwrap()
    rows = {
        "model": told.name,
        "family": told.family,
        "parameters": told.parameters,
        "quantization": told.quantization,
        "context_window": told.context_window,
        "capabilities": list(told.capabilities),
        "answered_by": told.remote_host or "this server",
    }
    if output.json:
        output.document(rows)
    else:
        output.table(("what", "value"), ((key.replace("_", " "), _words(value)) for key, value in rows.items()))
    return OK


async def remove(output: Output, models: LocalModels, name: str, *, confirm: Confirm) -> int:
    """Remove a model from the server's disk, once that is confirmed."""
    stored = await settle(models.stored())
    if isinstance(stored, Failure):
        return output.failure(stored.failure())
    size = next((f" ({model.size_bytes / _GIGABYTE:.1f} GB)" for model in stored.unwrap() if _is(model, name)), "")
    agreed = confirm(f"Remove {name}{size} from the server's disk?")
    if agreed is None:
        output.note("error: nobody is there to confirm; give --yes to remove a model without being asked")
        return USAGE
    if not agreed:
        output.note("nothing was removed")
        return FAILED
    outcome = await settle(models.delete(name))
    if isinstance(outcome, Failure):
        return output.failure(outcome.failure())
    output.note(f"removed {name}{size}")
    if output.json:
        output.document({"model": name})
    return OK


async def disk(output: Output, models: LocalModels) -> int:
    """Show what is on the server's disk, the largest first, and the sum."""
    outcome = await settle(models.stored())
    if isinstance(outcome, Failure):
        return output.failure(outcome.failure())
    found = sorted(outcome.unwrap(), key=lambda model: (-model.size_bytes, model.name))
    if output.json:
        output.document({"models": [asdict(model) for model in found], "size_bytes": sum(model.size_bytes for model in found)})
    else:
        output.table(("model", "GB", "parameters", "quantization", "modified"), map(_stored_row, found))
        output.note(f"{len(found)} models, {_gigabytes(sum(model.size_bytes for model in found))} GB; models that share layers count twice")
    return OK


async def updates(output: Output, models: LocalModels) -> int:
    """Show which stored models have a newer version."""
    outcome = await settle(models.updates())
    if isinstance(outcome, Failure):
        return output.failure(outcome.failure())
    found = outcome.unwrap()
    if output.json:
        output.document([asdict(each) for each in found])
    else:
        words = {True: "a newer version is there", False: "up to date", None: "not known"}
        output.table(("model", "state"), ((each.name, words[each.newer]) for each in found))
    return OK


def recommended(output: Output, vram_gb: float) -> int:
    """Show which models run on a GPU with so much memory, and which of them to fetch."""
    found, fetch = recommend(vram_gb), recommended_pulls(vram_gb)
    if output.json:
        rows = [{**asdict(each.model), "placement": each.placement, "recommended": each.model.name in fetch} for each in found]
        output.document(rows)
        return OK
    output.table(
        ("model", "for", "disk GB", "VRAM GB", "runs on", "speed", "capability", "fetch"),
        ((*_catalogue_row(each.model, _PLACES[each.placement]), "yes" if each.model.name in fetch else "") for each in found),
    )
    output.note("fetch with: llm-manager models pull " + (fetch[0] if fetch else "NAME"))
    return OK


def recommended_sizes(output: Output) -> int:
    """Show where each model would run on GPUs of the usual sizes, when it is not known how large this machine's is."""
    if output.json:
        output.document([{"vram_gb": size, "recommended": list(recommended_pulls(size))} for size in _USUAL_GB])
        return OK
    output.table(
        ("model", "for", "disk GB", "VRAM GB", *(f"{size} GB" for size in _USUAL_GB)),
        (
            (model.name, model.purpose, f"{model.disk_gb:g}", f"{model.vram_gb:g}", *(_place(model, size) for size in _USUAL_GB))
            for model in LOCAL_CATALOGUE
        ),
    )
    output.note("the GPU's memory is not known here: give --vram GB (0 without one); nvidia-smi tells that of NVIDIA's")
    return OK


def _place(model: CatalogueModel, vram_gb: float) -> str:
    where = placed(model, vram_gb)
    return "" if where is None else _PLACES[where]


def _catalogue_row(model: CatalogueModel, place: str) -> tuple[str, ...]:
    stars = ("*" * model.speed).ljust(_STARS, "."), ("*" * model.capability).ljust(_STARS, ".")
    return model.name, model.purpose, f"{model.disk_gb:g}", f"{model.vram_gb:g}", place, *stars


def _running_row(model: RunningModel) -> tuple[str, ...]:
    share = f"{100 * model.vram_bytes // model.size_bytes} %" if model.size_bytes else ""
    window = "" if model.context_length is None else str(model.context_length)
    return model.name, _gigabytes(model.size_bytes), share, window, model.expires


def _stored_row(model: LocalModel) -> tuple[str, ...]:
    where = f"answered by {model.remote_host}" if model.remote_host else model.modified
    return model.name, _gigabytes(model.size_bytes), model.parameters, model.quantization, where


def _is(model: LocalModel, name: str) -> bool:
    return name in (model.name, model.name.removesuffix(":latest"))


def _gigabytes(size: int) -> str:
    return f"{size / _GIGABYTE:.1f}"


def _words(value: object) -> str:
    if isinstance(value, Iterable) and not isinstance(value, str):
        return ", ".join(map(str, value))
    return "unknown" if value is None else str(value)
