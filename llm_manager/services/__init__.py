"""What a service looks like: frozen records of functions and type aliases.

Belongs here: shapes that layers, orchestration, clients and stores agree on. Does not: their implementations.
"""
