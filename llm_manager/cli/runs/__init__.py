"""`llm-manager runs`: the runs that are kept, listed, shown, watched, resumed, ended and exported."""
