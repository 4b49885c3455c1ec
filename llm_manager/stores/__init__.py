"""What is kept: for as long as the process lives (`memory`), or for longer (one database by `database`).

Belongs here: tables, statements, migrations, the thread that speaks to a database, Redis. Does not: any decision about what is
kept, trimmed or charged (`policies`), and anything a user reads.

    memory              caches and conversations of this process
    opening             a URL becomes a `Store`
    database            reads apart, writes in groups by one writer, from any thread or loop
    engines             SQLite, and PostgreSQL by asyncpg
    misfortunes         what a driver raised, as a value
    tables, migrations  the schema, and how an older one becomes it
"""
