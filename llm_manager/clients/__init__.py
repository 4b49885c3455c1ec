"""Talking to providers: one folder per wire dialect, the same files in each, and what all dialects share.

Belongs here: codecs (pure), errors (status and code to `LLMError`), transports (input and output). Does not: retrying,
choosing a model, remembering; a client sends one request to one model and says what came of it.
"""
