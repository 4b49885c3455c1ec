"""What is known of providers and their models, and the words of their errors: data, not code."""
