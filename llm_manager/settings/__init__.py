"""Outside text to settings: files and variables in, one `LLMConfig` or every fault at once out.

Belongs here: finding, reading, checking and merging what people write. Does not: what the settings mean to a client or a
route (`clients`, `policies`), nor the process's environment, which is given as a mapping. No network.
"""

from llm_manager.settings.loading import Checked, Loaded, check_config, inspect_config, read_config
from llm_manager.settings.one_provider import OneProvider, read_provider
from llm_manager.settings.places import Places, usual_places
from llm_manager.settings.showing import Row, describe_config

__all__ = [
    "Checked",
    "Loaded",
    "OneProvider",
    "Places",
    "Row",
    "check_config",
    "describe_config",
    "inspect_config",
    "read_config",
    "read_provider",
    "usual_places",
]
