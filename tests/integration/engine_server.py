"""A real OpenAI-compatible server for tests: the embedded engine, speaking HTTP on loopback.

Run as a program with the weights' path and, if it is to ask for one, a key; the word ``embeds`` behind them makes it a
server of embeddings. It prints its address when it is ready, and ends when its standard input does, so that it never
outlives the tests.
"""

import sys

MODEL = "smollm2-135m"


def main(weights: str, key: str, *, embeds: bool) -> None:
    import xllamacpp

    chosen = xllamacpp.CommonParams()
    chosen.model.path = weights
    chosen.model_alias = {MODEL}
    chosen.hostnames = ["127.0.0.1"]
    chosen.port = 0
    chosen.n_ctx = 8192
    chosen.n_parallel = 4
    chosen.cpuparams.n_threads = 1
    chosen.cpuparams_batch.n_threads = 1
    chosen.cache_ram_mib = 0
    chosen.use_jinja = True
    chosen.ui = False
    chosen.offline = True
    chosen.verbosity = 0
    if key:
        chosen.api_keys = [key]
    if embeds:
        chosen.embedding = True
        chosen.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
    server = xllamacpp.Server(chosen)
    print(server.listening_address, flush=True)
    sys.stdin.read()
    del server


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "", embeds=sys.argv[3:] == ["embeds"])
