"""The main job: a file of rows in, a file of answers out, resumable and flat in memory.

Belongs here: reading rows, making prompts, typed columns, the loop, the ordered output. Does not: how a
request is answered (that is the manager's), how a run is kept (`stores`), and anything about a terminal (`cli`).

    reading, cells      a file of rows, checked whole before anything is paid
    prompting           one prompt a row
    columns, shapes     what is asked back, and reading it strictly
    keys, offsets       which request a row is, by content
    jobs, surveying     what is asked of each row, and what is left to do
    running, committing the loop, and writing down what came; purse is what it may spend
    doing, spooling     a whole run for a program
    settling            which model a run asks
    outcomes, rendering what a finished row becomes, in input order
    writing             the output file, whole or not at all
    tallies, stopping   what is counted, and what ends a run early
    reporting           how a run ended, in words and as data; telling is what its errors say
    pulses, portraying  how a run is doing, for those who watch; how one is that is kept
    exporting           rows of a run that is kept, as lines of a file
    embedding_rows      rows with their vectors; taking_over is what an earlier run of it left
"""
