"""What to decide: pure, synchronous, total functions of values, one decision a file.

Belongs here: anything that can be said without waiting and without asking the world. The clock, randomness and ids
come in as arguments. Does not: obeying a decision (`layers`, `orchestration`).
"""
