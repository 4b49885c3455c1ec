"""Words into pictures, without any I/O."""

import re
from base64 import b64decode
from typing import Annotated, Any, Final

import msgspec
from msgspec import Struct
from returns.result import Failure, Success

from llm_manager.clients import endings
from llm_manager.clients.data.shapes import ProviderFacts
from llm_manager.clients.fitting import UnfitError
from llm_manager.clients.openai_chat import errors
from llm_manager.clients.statuses import is_good
from llm_manager.clients.who import Who
from llm_manager.domain.errors import LLMError
from llm_manager.domain.images import ImageRequest, MadeImage, MadeImages
from llm_manager.domain.messages import ImageData, ImageUrl
from llm_manager.domain.usage import Usage
from llm_manager.domain.wire_requests import WireReply
from llm_manager.outcomes import Settled

PATH: Final = "/images/generations"
_SIZE: Final = re.compile(r"(\d{1,5})x(\d{1,5})")
_FORMAT: Final = re.compile(r"[a-z0-9+.-]{1,20}")
_Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]


class _Row(Struct, gc=False):
    b64_json: str | None = None
    url: str | None = None
    revised_prompt: str | None = None


class _Tokens(Struct, gc=False):
    input_tokens: _Count = 0
    output_tokens: _Count = 0


class _Answer(Struct, gc=False):
    data: list[_Row]
    output_format: str | None = None
    usage: _Tokens | None = None


_ANSWER: Final = msgspec.json.Decoder(_Answer)


def body_of(request: ImageRequest, model: str, facts: ProviderFacts) -> dict[str, Any]:
    """The request as it is sent; it may raise `UnfitError`. The picture itself is asked for where there is a choice."""
    body: dict[str, Any] = {"model": model, "prompt": request.prompt, "n": request.count}
    if request.size is not None:
        body |= _pixels(request.size) if facts.sizes_in_pixels else {"size": request.size}
    if request.quality is not None:
        body["quality"] = request.quality
    if facts.sizes_in_pixels:
        body["response_format"] = "base64"
    elif model.startswith("dall-e"):
        body["response_format"] = "b64_json"
    return body


def decode(reply: WireReply, who: Who, wall: float) -> Settled[MadeImages, LLMError]:
    """Read the pictures."""
    if not is_good(reply.status):
        return Failure(errors.error_of(reply, who, wall=wall))
    try:
        answer: _Answer | None = _ANSWER.decode(reply.body)
        images = tuple(_made(row, answer.output_format) for row in answer.data) if answer else ()
    except (ValueError, RecursionError):
        answer, images = None, ()
    if answer is None or not images:
        malformed = endings.malformed("the answer holds no picture", who, raw=reply.body[:200], reply=reply)
        return Failure(errors.error_in_body(reply, who, wall=wall) or malformed)
    usage = answer.usage
    return Success(
        MadeImages(
            images=images,
            model=who.model,
            provider=who.provider,
            usage=None if usage is None else Usage(input_tokens=usage.input_tokens, output_tokens=usage.output_tokens),
        )
    )


def _made(row: _Row, output_format: str | None) -> MadeImage:
    told = row.revised_prompt or ""
    if row.b64_json:
        kind = output_format if output_format and _FORMAT.fullmatch(output_format) else "png"
        kind = "svg+xml" if kind == "svg" else kind
        return MadeImage(image=ImageData(data=b64decode(row.b64_json, validate=True), media_type=f"image/{kind}"), revised_prompt=told)
    if row.url and row.url.startswith(("https://", "http://")):
        return MadeImage(image=ImageUrl(url=row.url), revised_prompt=told)
    raise ValueError("neither a picture nor its address")


def _pixels(size: str) -> dict[str, int]:
    found = _SIZE.fullmatch(size)
    if found is None:
        raise UnfitError(f"the size {size!r} is not written like 1024x1024")
    return {"width": int(found[1]), "height": int(found[2])}
