"""The main job: a file of rows in, a file of answers out, resumable and flat in memory.

Belongs here: reading rows, making prompts, typed columns, the run log, the loop, the ordered output. Does not: how a
request is answered (that is the manager's), and anything about a terminal (`cli`).

    reading, cells      a file of rows, checked whole before anything is paid
    prompting           one prompt a row
    columns, shapes     what is asked back, and reading it strictly
    keys, offsets       which request a row is, by content
    run_log, records    the finished rows, durable
    jobs, surveying     what is asked of each row, and what is left to do
    running             the loop
    outcomes, rendering what a finished row becomes, in input order
    writing             the output file, whole or not at all
    tallies, stopping   what is counted, and what ends a run early
    embedding_rows      rows with their vectors; taking_over is what an earlier run of it left
"""
