"""Remembered answers and vectors: asked for at once, written behind the call."""
