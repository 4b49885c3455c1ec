"""Ollama's own dialect: chat and completion, embeddings, and the models on its disk and in its memory.

Belongs here: what that server says and wants to hear. Does not: the models it may run, which are data
(``clients/data/ollama.py``), and advice on which of them fit a machine (``policies/local_models.py``).
"""
