"""`llm-manager usage`: what was asked and what it cost, as a table or as one page."""
