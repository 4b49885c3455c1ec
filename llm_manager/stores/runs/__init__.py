"""Runs: who holds one, what is written down before a call and after it, and what is read of it.

keeping     the service, made of the rest
locks       one owner at a time, by a lock that dies with its process
holding     a run that is held: fenced, so that a stale owner writes nothing
scribe      intents and outcomes of all workers in common commits
reading     records, counts, rows, doubts
values      rows of the tables to values and back
"""
