"""What processes share at once, in a Redis or Valkey server: limits, purses, flights, what is remembered.

Belongs here: talking to the server, and the scripts that it runs. Does not: whether a request waits or is refused (`layers`).
Nothing here is imported before a `store.redis_url` is set.
"""
