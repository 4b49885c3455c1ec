"""The real model, in this process and behind HTTP on loopback."""

import asyncio
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from returns.result import Failure

from llm_manager.clients.embedded.errors import not_importable
from llm_manager.clients.embedded.fetching import fetch_blocking
from llm_manager.clients.embedded.transport import build
from llm_manager.clients.embedded.weights import find_weights
from llm_manager.domain.configuration import EmbeddedSettings, ProviderSettings
from llm_manager.domain.error_questions import describe
from llm_manager.real_world import real_world
from llm_manager.services.model_client import ClientParts, ModelClient
from tests.integration.serving import KEY, EngineServer, no_transport, serving


@pytest.fixture(scope="session")
def weights() -> Path:
    """The embedded model's file, fetched if it is not there; what needs it is skipped, with the reason, if it cannot be had."""
    try:
        import xllamacpp  # noqa: F401
    except ImportError as error:
        pytest.skip(not_importable(error).message)
    found = find_weights(EmbeddedSettings(), os.environ)
    if found is not None:
        return found
    fetched = fetch_blocking(os.environ, stop=threading.Event())
    if isinstance(fetched, Failure):
        pytest.skip(f"the weights cannot be had: {describe(fetched.failure())}")
    return fetched.unwrap()


@pytest.fixture(scope="session")
def client(weights: Path) -> Iterator[ModelClient]:
    """The embedded client, as wiring builds it; it is used from the loops of many tests, and loaded once."""
    parts = ClientParts(world=real_world(), embedded=EmbeddedSettings(model_path=str(weights)), make_transport=no_transport)
    built = build(ProviderSettings(), parts).unwrap()
    yield built
    asyncio.run(built.close())


@pytest.fixture(scope="session")
def engine_server(weights: Path) -> Iterator[EngineServer]:
    """A server that lets everybody in."""
    with serving(weights) as server:
        yield server


@pytest.fixture(scope="session")
def guarded_server(weights: Path) -> Iterator[EngineServer]:
    """A server that asks for a key."""
    with serving(weights, KEY) as server:
        yield server
