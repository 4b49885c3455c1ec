"""The use cases: walking a plan, streaming, batching, structuring, conversing; written against services only.

Belongs here: what happens in which order. Does not: decisions (`policies`), what surrounds one attempt (`layers`).
"""
