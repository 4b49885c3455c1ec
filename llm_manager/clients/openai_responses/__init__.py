"""The dialect of responses: for models that chat completions do not serve, or serve without tools.

Here belong its words, its shapes and what its endings mean. Statuses and codes are judged by `openai_chat.errors`: they are
the same. It has no client of its own: the client of OpenAI speaks it where a model needs it.
"""
