"""What is kept: for as long as the process lives (`memory`), in one database (`sql`), or shared by processes (`redis`).

Belongs here: tables, statements, migrations, the threads that speak to a database, Redis. Does not: any decision about what is
kept, trimmed or charged (`policies`), and anything a user reads.

    opening         a URL becomes a `Store`
    layering        a quick cache before a lasting one
    conversations, answers, similar, usage, audit, runs     what a database keeps, each a folder
"""
