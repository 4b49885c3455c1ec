"""Chat completions, the dialect of OpenAI and of every server compatible with it.

Pure: ``codec`` (the door), ``encoding``, ``reasoning``, ``prompt_caching``, ``shapes``, ``answers``, ``signals``, ``errors`` (the only file
that knows what a status means), ``listing``, ``offers``; for what is no chat ``embeddings``, ``moderations``, ``images``, ``counting``,
``credits``. I/O: ``transport``, ``besides`` and ``loaded``, over ``talking``. What differs between providers is data, in ``clients/data``.
"""
