"""What every implementation of a contract must keep, as functions that raise `AssertionError` when it does not.

    layers      ANSWER_LAYER_LAWS, STREAM_LAYER_LAWS
    caches      CACHE_LAWS
    storages    STORAGE_LAWS
    codecs      encodes, decodes, streams_lawfully, reads_any_cut

Each table is from a name to a law; give a law what makes your implementation, from a test parametrised over the table.
"""

from llm_manager.testing.laws.caches import CACHE_LAWS
from llm_manager.testing.laws.codecs import decodes, encodes, reads_any_cut, streams_lawfully
from llm_manager.testing.laws.layers import ANSWER_LAYER_LAWS, STREAM_LAYER_LAWS
from llm_manager.testing.laws.storages import STORAGE_LAWS

__all__ = [
    "ANSWER_LAYER_LAWS",
    "CACHE_LAWS",
    "STORAGE_LAWS",
    "STREAM_LAYER_LAWS",
    "decodes",
    "encodes",
    "reads_any_cut",
    "streams_lawfully",
]
