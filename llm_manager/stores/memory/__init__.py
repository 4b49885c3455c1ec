"""What lives as long as the process: a cache, and conversations."""
