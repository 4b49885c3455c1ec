"""Keeping things: in memory now, in databases later.

Belongs here: implementations of the storage services. Does not: what to keep or when (`layers`, `orchestration`).
"""
