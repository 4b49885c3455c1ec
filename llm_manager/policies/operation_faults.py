"""What is wrong with a request that is no chat, whoever is asked: found before anything is planned, sent or paid."""

from typing import assert_never

from llm_manager.domain.embeddings import EmbedRequest
from llm_manager.domain.errors import InvalidRequest
from llm_manager.domain.images import ImageRequest
from llm_manager.domain.moderation import ModerationRequest
from llm_manager.policies.choosing import Besides
from llm_manager.policies.request_faults import patience_fault


def check_operation(asked: Besides) -> InvalidRequest | None:
    """Say what no provider could do; None when there is nothing.

    >>> check_operation(EmbedRequest(("a", ""))).message
    'texts[1]: it is empty; give it a text, or leave it out'
    """
    wrong = _fault(asked) or patience_fault(asked)
    return None if wrong is None else InvalidRequest(message=wrong)


def _fault(asked: Besides) -> str | None:
    match asked:
        case EmbedRequest(texts=texts, dimensions=dimensions):
            if "" in texts:
                return f"texts[{texts.index('')}]: it is empty; give it a text, or leave it out"
            return "dimensions: it is less than 1; leave it out for the model's own" if dimensions is not None and dimensions < 1 else None
        case ModerationRequest(texts=texts):
            return None if texts else "there is no text to judge: give at least one"
        case ImageRequest(prompt=prompt, count=count):
            return None if prompt.strip() and count > 0 else "an image wants a prompt with words in it, and a count of 1 or more"
        case _:
            assert_never(asked)
