"""Calls to language models as typed values."""
