"""`llm-manager run`: every row of a file asked, from its words to its report.

`words` are what is typed, `typed` makes a job of them, `job` does it; the others are its steps and what it shows.
"""
