"""Numbers with their nouns, for sentences that people read."""


def counted(count: int, noun: str) -> str:
    """So many of something; the last word of the noun is what takes the plural.

    >>> counted(1, "row"), counted(2, "earlier answer"), counted(0, "reply")
    ('1 row', '2 earlier answers', '0 replies')
    """
    if count == 1:
        return f"1 {noun}"
    return f"{count} {noun[:-1]}ies" if noun.endswith("y") and noun[-2] not in "aeiou" else f"{count} {noun}s"
