"""Chat completions, the dialect of OpenAI and of every server compatible with it.

Pure: ``codec`` (the door), ``encoding``, ``shapes``, ``answers``, ``signals``, ``errors`` (the only file that knows what a status
means), ``endings``, ``listing``, ``profiles``. I/O: ``transport``, over ``envelopes``. What differs between providers is data, in
``clients/data``.
"""
