"""Messages, the dialect of Claude and of every server compatible with it.

Pure: ``codec`` (the door), ``encoding`` with ``turns``, ``forms`` and ``thinking``, ``shapes``, ``answers``, ``errors`` (the only
file that knows what a status means), ``listing``, ``models``. I/O: ``transport``, over ``sdk``, which alone imports Anthropic's
own SDK, when something is first sent. What differs between models is data, in ``clients/data``.
"""
