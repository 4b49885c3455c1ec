"""What goes around a call: `Step` in, `Step` out, one layer a file, named by participle.

Belongs here: obeying a decision of `policies` around a step. Does not: walking a plan (`orchestration`), talking (`clients`).
"""
