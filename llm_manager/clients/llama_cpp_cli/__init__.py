"""llama.cpp's program, started anew for each request: no server, no port, nothing that stays.

    codec      requests and answers, pure          errors     exit codes and complaints to `LLMError`
    hearing    what its output means, pure         flags      which flags settings may name
    wsl        paths of Windows and of Linux       models     the files of the models folder
    profile    what is known of a model            running    the process: started, heard, killed
    transport  the steps and the client

The program is `llama-completion`, which was called `llama-cli` until the end of 2025; the `llama-cli` of newer builds is
for people: it draws, echoes and obeys commands in the prompt, and its output cannot be told from an answer.
"""
