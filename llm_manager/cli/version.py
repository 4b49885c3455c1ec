"""Which version runs."""

from importlib.metadata import version

from llm_manager.distribution import distribution_name


def installed_version() -> str:
    """The installed version, or ``unknown`` when the package runs without being installed."""
    name = distribution_name()
    return "unknown" if name is None else version(name)
