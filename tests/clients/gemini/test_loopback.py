"""Gemini's client over real sockets, against a server that misbehaves by script."""

import asyncio
from typing import Any

import pytest
from returns.result import Failure

from llm_manager.clients.catalogue import build_client
from llm_manager.clients.http import http_transport
from llm_manager.domain.configuration import ProviderSettings
from llm_manager.domain.errors import (
    AuthenticationFailed,
    ConfigurationError,
    LLMError,
    MalformedResponse,
    ModelUnavailable,
    NetworkError,
    QuotaExhausted,
    RequestTimeout,
    StreamInterrupted,
)
