"""Who listens to the journal: the log, the statistics that routes read.

Belongs here: subscribers, and the journal that tells them. Does not: any decision; nothing is refused or charged here.
"""
