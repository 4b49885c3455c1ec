"""Finding clients by name."""

import subprocess
import sys

import pytest
from returns.result import Failure, Success

from llm_manager.clients.catalogue import CATALOGUE, build_client
from llm_manager.domain.configuration import ProviderSettings
from llm_manager.domain.errors import ConfigurationError
from llm_manager.domain.secrets import Secret
from llm_manager.policies.abilities import ABILITIES
from llm_manager.policies.names import PROVIDERS
from llm_manager.services.model_client import ClientParts
from llm_manager.testing import fake_world
from llm_manager.testing.replaying import replayed

SETTINGS = ProviderSettings(api_key=Secret("sk-canary-0123"))


def parts() -> ClientParts:
    return ClientParts(world=fake_world(), make_transport=lambda _: replayed({"exchanges": []}).transport)


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_client_can_be_built(name: str) -> None:
    """Without opening anything; its first model is its default one."""
    built = build_client(name, SETTINGS, parts())
    assert isinstance(built, Success)
    client = built.unwrap()
    assert client.endpoint.provider == name
    assert name == "embedded" or client.profiles[0].tier == "default"
    assert client.profile(client.profiles[0].name) == client.profiles[0]
    assert client.able == ABILITIES[name]


def test_every_provider_that_has_a_name_has_a_client() -> None:
    """And the other way round."""
    assert set(CATALOGUE) == set(PROVIDERS)


@pytest.mark.parametrize(("alias", "provider"), [("gpt", "openai"), ("LM Studio", "lmstudio"), ("llama.cpp", "llamacpp")])
def test_aliases_are_understood(alias: str, provider: str) -> None:
    """The table of names decides."""
    assert build_client(alias, SETTINGS, parts()).unwrap().endpoint.provider == provider


@pytest.mark.parametrize(("name", "word"), [("opnai", "openai"), ("???", "lmstudio")])
def test_a_name_without_a_client_is_explained(name: str, word: str) -> None:
    """With the nearest names, or with those there are."""
    built = build_client(name, SETTINGS, parts())
    assert isinstance(built, Failure)
    error = built.failure()
    assert isinstance(error, ConfigurationError)
    assert word in error.message


def test_the_catalogue_imports_no_client() -> None:
    """What is not asked for costs nothing; of msgspec, which is small, every manager's gates are made."""
    heavy = ("httpx2", "genai_prices", "pydantic", "xllamacpp", "anthropic", "llm_manager.clients.openai_chat.codec")
    code = f"import sys, llm_manager.clients.catalogue; print([name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


def test_building_a_cloud_client_loads_no_price_data() -> None:
    """The prices of the models on offer are ours."""
    code = (
        "import sys\n"
        "from llm_manager.clients.data.openai_chat import PROVIDERS\n"
        "from llm_manager.clients.openai_chat.transport import building\n"
        "print('genai_prices' in sys.modules, 'httpx2' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "False False"
