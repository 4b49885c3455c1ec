"""What the settings say makes a text private, as one rule. A rule that cannot judge a text keeps it here."""

from collections.abc import Callable
from typing import Final

from attrs import field, frozen
from returns.result import Failure, Result, Success

from llm_manager.domain.configuration import PrivacySettings
from llm_manager.domain.errors import ConfigurationError, Fault, LLMError
from llm_manager.domain.plans import PrivateRule
from llm_manager.outcomes import sealed
from llm_manager.policies.sensitivity import keyword_rule

Importing = Callable[[], PrivateRule]


@frozen(kw_only=True)
class PrivateRules:
    """Several rules, the first that speaks; one that raises has found something that it cannot judge."""

    rules: tuple[PrivateRule, ...] = field(repr=False)

    def __call__(self, text: str) -> str | None:
        """Why the text is private, if it is."""
        for rule in self.rules:
            try:
                why = rule(text)
            except Exception as error:  # noqa: BLE001 - somebody else's function, which may fail in any way
                return f"a privacy rule raised {type(error).__name__}, which makes it private"
            if why is not None:
                return why
        return None


def _datafog() -> PrivateRule:
    from llm_manager.settings.personal_data import personal_data

    return personal_data()


_IMPORTING: Final[Importing] = _datafog


def private_rules(
    settings: PrivacySettings, own: PrivateRule | None = None, importing: Importing = _IMPORTING
) -> Result[PrivateRule | None, LLMError]:
    """One rule of all that is set, after one of the user's ``own``; nothing foreign is imported unless it is asked for."""
    if isinstance(own, PrivateRules):
        return Success(own)
    rules = [rule for rule in (own, keyword_rule(settings.keywords)) if rule is not None]
    if settings.pii == "datafog":
        personal = sealed(_imported(importing))
        if isinstance(personal, Failure):
            return personal
        rules.append(personal.unwrap())
    return Success(PrivateRules(rules=tuple(rules)) if rules else None)


def _imported(importing: Importing) -> Result[PrivateRule, LLMError]:
    try:
        return Success(importing())
    except ImportError:
        fault = Fault(
            source="privacy",
            key="pii",
            problem="the package datafog is not installed",
            fix='install the extra: pip install "llm-manager-effects[pii]", or set pii = "off"',
        )
        return Failure(ConfigurationError(message="personal data cannot be looked for", faults=(fault,)))
