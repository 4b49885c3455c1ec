"""Parts become a manager.

    manager    the record of functions that a user holds
    house      what all of them share: guards, statistics, knowledge, journal
    chats      the walk, for whole answers and for streams
    besides    what is no chat
    order      where each layer stands, written once
    guards     what lets requests through

With `wiring` the only place that sees everything.
"""
