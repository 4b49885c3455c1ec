"""One database: who speaks to it, in which threads, and how its tables come to be.

database, serving, grouping     reads apart, writes in groups by one writer, from any thread or loop
engines, sqlite, postgres       the drivers
connecting, places, files       from a URL to a place that is safe to write to
preparing, migrating            tables made, or brought from an older version
tables, migrations              the schema, and its versions
promising                       what is told to all who wait, whoever leaves
queueing                        rows that are written soon, off the path of a call
misfortunes                     what a driver raised, as a value
upserting, spelling             where the two databases differ
"""
