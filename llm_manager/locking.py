"""Holding an open file alone: the lock goes with the process that has it, however that ends."""


def can_lock() -> bool:
    """Say whether this system has the locks of POSIX."""
    try:
        import fcntl  # noqa: F401 - its presence is the question
    except ModuleNotFoundError:
        return False
    return True


def locked(descriptor: int) -> bool:
    """Hold an open file alone until it is closed; False when another does."""
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
