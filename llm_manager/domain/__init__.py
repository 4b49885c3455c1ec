"""What things are: frozen values, with no I/O, no clock and no randomness.

Belongs here: requests, answers, errors, events, plans, configuration, and their plain-data form. Does not: any decision
about them (`policies`), anything that waits (`layers`, `orchestration`), anything that talks (`clients`, `stores`).
"""
