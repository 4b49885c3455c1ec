"""`llm-manager models`: what can be asked, and the models that a local server or the library itself keeps."""
