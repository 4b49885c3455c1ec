"""Prompts by their vectors, so that an answer to nearly the same words can be found."""
