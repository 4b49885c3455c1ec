"""The composition root: settings and a world become parts, and parts a manager (`assembling`).

    managers      a manager, from settings or from parts
    deps          everything that the settings ask for, as parts
    configuring   the settings: read from outside, and made to obey themselves
    providers     who can be asked, and why the others cannot
    parts         what every client is built from
    clients       one provider by itself, without a manager
    places        where things are kept and shared
    tracing       whether OpenTelemetry is told
    packages      those that are asked for and not installed
    misuse        what was given in place of what is made here

With `assembling` the only place that sees everything. What not every embedder needs is imported when it is first needed.
"""

from llm_manager.wiring.clients import (
    check_local_model_health,
    create_default_local_client,
    list_providers,
    make_model_client,
    validate_provider_config,
)
from llm_manager.wiring.configuring import load_config
from llm_manager.wiring.deps import default_deps, make_guards, make_model_router
from llm_manager.wiring.managers import create_default_llm_manager, make_llm_manager
from llm_manager.wiring.places import scratch_store
from llm_manager.wiring.providers import known_models

__all__ = [
    "check_local_model_health",
    "create_default_llm_manager",
    "create_default_local_client",
    "default_deps",
    "known_models",
    "list_providers",
    "load_config",
    "make_guards",
    "make_llm_manager",
    "make_model_client",
    "make_model_router",
    "scratch_store",
    "validate_provider_config",
]
