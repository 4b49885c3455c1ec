"""`llm-manager conversations`: what was said and is kept, listed, shown, found, moved and forgotten."""
