"""Which family of models is asked first for which task: data."""

from llm_manager.domain.requests import TaskType

LADDERS: dict[TaskType, tuple[str, ...]] = {
    "analysis": ("claude", "gpt", "llama"),
    "ui_generation": ("gpt", "claude", "llama"),
    "config_management": ("llama", "gpt", "claude"),
    "general": ("llama", "gpt", "claude"),
    "sql": ("llama", "gpt", "claude"),
    "code": ("gpt", "claude", "llama"),
    "creative": ("claude", "gpt", "llama"),
}
"""Families, best first; a rung in settings may also be the name of one model."""

LOCAL_BEFORE_LADDER: frozenset[TaskType] = frozenset({"creative"})
"""Tasks whose ladder stands behind ``local_first`` while that is on."""
