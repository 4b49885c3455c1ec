"""The ten providers of the simulation: who they are, what they cost and how fast they are."""

from collections.abc import Mapping
from typing import Final

from attrs import frozen

from tests.simulation import dialects
from tests.simulation.dialects import Dialect


@frozen(kw_only=True)
class Facts:
    """One provider. Prices are micro-dollars for one token, so that every bill is a whole number of them."""

    name: str
    model: str
    base_url: str
    dialect: Dialect
    local: bool = False
    input_price: int = 0
    output_price: int = 0
    seconds: float = 0.6
    """The median of what an answer takes."""


_ALL = (
    Facts(name="openai", model="gpt-4o-mini", base_url="https://api.openai.com/v1", dialect=dialects.OPENAI, input_price=2, output_price=8),
    Facts(
        name="groq",
        model="llama-3.3-70b-versatile",
        base_url="https://api.groq.com/openai/v1",
        dialect=dialects.CHAT,
        input_price=1,
        output_price=1,
        seconds=0.2,
    ),
    Facts(
        name="together",
        model="meta-llama/Llama-3.3-70B-Instruct-Turbo",
        base_url="https://api.together.xyz/v1",
        dialect=dialects.CHAT,
        input_price=1,
        output_price=1,
        seconds=0.5,
    ),
    Facts(
        name="openrouter",
        model="openai/gpt-4o-mini",
        base_url="https://openrouter.ai/api/v1",
        dialect=dialects.OPENROUTER,
        input_price=3,
        output_price=9,
        seconds=0.8,
    ),
    Facts(
        name="gemini",
        model="gemini-2.5-flash",
        base_url="https://generativelanguage.googleapis.com/v1beta",
        dialect=dialects.GEMINI,
        input_price=1,
        output_price=4,
        seconds=0.7,
    ),
    Facts(
        name="cohere",
        model="command-a-03-2025",
        base_url="https://api.cohere.com/v2",
        dialect=dialects.COHERE,
        input_price=3,
        output_price=10,
        seconds=0.9,
    ),
    Facts(name="ollama", model="llama3.2:3b", base_url="http://localhost:11434", dialect=dialects.OLLAMA, local=True, seconds=1.2),
    Facts(name="lmstudio", model="openai/gpt-oss-20b", base_url="http://localhost:1234/v1", dialect=dialects.CHAT, local=True, seconds=1.5),
    Facts(name="llamacpp", model="loaded-model", base_url="http://localhost:8080/v1", dialect=dialects.CHAT, local=True, seconds=1.0),
    Facts(name="vllm", model="served", base_url="http://localhost:8000/v1", dialect=dialects.CHAT, local=True, seconds=0.4),
)

_CLAUDE = Facts(
    name="anthropic",
    model="claude-sonnet-4-5",
    base_url="https://api.anthropic.com",
    dialect=dialects.CLAUDE,
    input_price=3,
    output_price=15,
)

SERVERS: Final[Mapping[str, Facts]] = {facts.name: facts for facts in (*_ALL, _CLAUDE)}
"""By name, the cloud's first; Claude is not drawn for most histories, since its SDK takes many times as long as all else."""
CLOUD: Final = tuple(facts.name for facts in _ALL if not facts.local)
LOCAL: Final = tuple(facts.name for facts in _ALL if facts.local)
