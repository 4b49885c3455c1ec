"""Messages, the dialect of Claude and of every server compatible with it.

Pure: ``codec`` (the door) with ``shapes``, ``answers`` and ``blocks``; ``encoding`` with ``turns``, ``forms``, ``thinking`` and ``fit``;
``errors`` (the only file that knows what a status means) with ``signals``; ``listing``, ``models``. I/O: ``transport``, over
``sdk``, which alone imports Anthropic's own SDK, when something is first sent. What differs between models is data, in
``clients/data``.
"""
