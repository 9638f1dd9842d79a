"""Serve a model on a free port of the loopback with llama.cpp's own server, until standard input ends.

Usage: python serve_tiny.py FILE TOKENS [API_KEY]

TOKENS is the context of each of its two slots.

Prints its address when it is ready, and nothing else: what llama.cpp logs goes to standard error. The end of standard
input stops it, so that it never outlives its parent.
"""

import os
import sys

import xllamacpp


def parameters(model: str, tokens: int, api_keys: list[str]) -> xllamacpp.CommonParams:
    """Return the parameters of a small, quiet, reproducible server with two slots of *tokens* each."""
    params = xllamacpp.CommonParams()
    params.model.path = model
    params.api_keys = api_keys
    params.n_ctx = 2 * tokens
    params.n_parallel = 2
    params.cpuparams.n_threads = 1
    params.warmup = False
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.use_jinja = True
    params.ui = False
    params.offline = True
    params.sampling.seed = 7
    return params


if __name__ == "__main__":
    with os.fdopen(os.dup(sys.stdout.fileno()), "w") as answer:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # a thread of the server logs there, in the middle of a line
        server = xllamacpp.Server(parameters(sys.argv[1], int(sys.argv[2]), sys.argv[3:]))
        answer.write(f"{server.listening_address}\n")
    sys.stdin.read()
