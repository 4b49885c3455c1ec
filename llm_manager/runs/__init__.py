"""The main job: a file of rows in, a file of answers out, resumable and flat in memory.

Belongs here: reading rows, making prompts, typed columns, the run log, the loop, the ordered output. Does not: how a
request is answered (that is the manager's), and anything about a terminal (`cli`).

    reading, cells      a file of rows, checked whole before anything is paid
    prompting           one prompt a row
    columns, shapes     what is asked back, and reading it strictly
    keys, offsets       which request a row is, by content
    run_log, records    the finished rows, durable
    surveying           what is left to do
    running             the loop
    outcomes, writing   what a finished row becomes, in input order
    tallies, stopping   what is counted, and what ends a run early
"""
