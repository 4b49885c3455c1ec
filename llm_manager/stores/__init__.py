"""What is kept: for as long as the process lives (`memory_...`), or for longer, in one database.

Belongs here: tables, statements, migrations, the threads that speak to a database, Redis. Does not: any decision about what is
kept, trimmed or charged (`policies`), and anything a user reads.

    memory_...              caches and conversations of this process
    opening, connecting     store.url becomes a `Store`; a `Database` is all that its areas know of the database
    places, files           what store.url may say; files for their owner alone
    preparing, migrating    tables are made, or brought up to date by `migrations`
    database                work from any thread or loop
    serving, grouping       the threads that do it, and what shares one transaction
    engines                 what a connection must be able to do: `sqlite`, `postgres`
    misfortunes             what a driver raised, as a value
    answers, answer_...     remembered answers and vectors: what is asked for, what is written behind it
    layering                one cache in front of another
    similar, similar_rows   the nearest prompt by its vector, and the vectors that are kept
    runs, run_...           runs: taking and holding one, writing for it, looking at all of them, and who holds which
    tables                  the schema, one file for each area
"""
