"""The sentences by which Ollama tells apart what has the same status: its errors have no codes, only words of its own.

Each is looked for at the beginning of a message that the server wrote itself, never in what a model or a user said.
"""

from typing import Final

CONTEXT: Final = (
    r"(?:the )?input length exceeds the (?:maximum )?context length",
    r"input (?:after truncation )?exceeds maximum context length",
    r"prompt too long; exceeded (?:max )?context length(?: by (?P<over>\d{1,12}) tokens)?",
    r"request \((?P<count>\d{1,12}) tokens\) exceeds the available context size \((?P<limit>\d{1,12}) tokens\)",
    r"the request exceeds the available context size",
)
"""The prompt does not fit ``num_ctx``."""

NO_SUCH_MODEL: Final = r"model [\"']?[^\"'\n]{1,300}[\"']? not found"
"""404, and what a completion says of a model that went away under way."""

NOT_IN_REGISTRY: Final = r"pull model manifest: (?:file does not exist|.{0,200}manifest unknown)"
"""What the fetching of a model ends with that nobody offers."""

UNABLE: Final = (
    r"[^\n]{1,300} does not support (?:chat|generate|tools|thinking|vision|images?|insert|completion|embeddings?)\b",
    r"this model (?:is missing data required for image input|does not support|only supports)",
    r"this server cannot run this remote model",
    r"model [^\n]{1,300} does not support",
)
"""400: the model, not the request, is at fault, and another may do it."""

INVALID_NAME: Final = r"invalid model name"
"""400: no model can have that name."""

MEMORY: Final = (
    r"model requires more system memory",
    r"model requires more gpu memory",
    r"(?:llama runner process has terminated|.{0,40}runner process no longer running|error loading model|"
    r"failed to load model|unable to load model)[^\n]{0,500}(?:out of memory|memory)",
    r"(?:cuda|rocm|hip|metal|vulkan)[^\n]{0,100}out of memory",
)
"""500: there is no room for the model now."""

LOADING: Final = r"unexpected server status: llm server loading model"
"""500: it is on its way into memory."""

BUSY: Final = r"server busy, please try again"
"""503: more wait than OLLAMA_MAX_QUEUE lets."""

CLOUD_OFF: Final = r"ollama cloud is disabled"
"""403: the server was told to keep everything on its machine."""
