"""Gemini's own dialect, generateContent, as Google serves it to developers.

Pure: ``codec`` (the door), ``encoding``, ``shapes``, ``answers``, ``signals``, ``errors`` (the only file that knows what a status
means), ``listing``, ``counting``, ``embedding``. I/O: ``transport``, over ``clients/talking``. What differs between models is data,
in ``clients/data``.
"""
