"""What this installation is called, so that advice to install more of it is right under any name.

Belongs here: reading our own metadata. It is read when a hint is wanted, never before.
"""

from importlib.metadata import EntryPoint, entry_points, version

_PACKAGE = __name__.partition(".")[0]


def distribution_name() -> str | None:
    """The name under which this package was installed, or None when it runs without being installed."""
    return next(filter(None, map(_provider, entry_points(group="console_scripts"))), None)


def distribution_version() -> str | None:
    """Which version of it is installed, or None when it runs without being installed."""
    name = distribution_name()
    return None if name is None else version(name)


def install_hint(extra: str) -> str:
    """The words that tell how to install ``extra`` beside what is here.

    >>> "[embedded]" in install_hint("embedded")
    True
    """
    name = distribution_name()
    if name is None:
        return f"install the distribution that holds {_PACKAGE}, with its extra [{extra}]"
    return f'pip install "{name}[{extra}]"'


def _provider(script: EntryPoint) -> str | None:
    return script.dist.name if script.dist is not None and script.module.partition(".")[0] == _PACKAGE else None
