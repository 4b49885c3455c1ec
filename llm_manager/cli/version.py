"""Which version runs."""

from llm_manager.distribution import distribution_version


def installed_version() -> str:
    """The installed version, or ``unknown`` when the package runs without being installed."""
    return distribution_version() or "unknown"
