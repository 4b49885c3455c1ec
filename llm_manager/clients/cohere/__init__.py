"""Cohere's own dialect, version 2 of its API.

Pure: ``codec`` (the door), ``encoding``, ``shapes``, ``errors`` (the only file that knows what a status means), ``listing``,
``counting``, ``embedding``. I/O: ``transport``, over ``clients/talking`` and ``clients/besides``. What differs between models is data,
in ``clients/data``.
"""
