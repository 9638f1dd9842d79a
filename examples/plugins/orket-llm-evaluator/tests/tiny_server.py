"""Serve a tiny random model with llama.cpp's own server on a free port of the loopback, until standard input ends.

Usage: python tiny_server.py FILE

Writes the model to FILE first: one layer, a vocabulary of bytes, random weights with a hand on the scales so that texts
stay short. Nothing it says makes sense; all of it is what the grammar of a request's schema lets it say. Prints
``LISTEN URL`` when it is ready.
"""

import sys

import gguf
import numpy as np
import xllamacpp
from numpy.typing import NDArray

WIDTH, HEADS, FEED_FORWARD, CONTEXT = 64, 4, 128, 32_768
MARKERS = ("<|im_start|>", "<|im_end|>")
TOKENS = ("<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), *MARKERS)
END = len(TOKENS) - 1
FIRST_BYTE = 3
TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
LIKELY = {'"': 3.0, "d": 3.0, " ": -1.0, "\\": -3.0}  # short texts, and "done" rather than "ready"


def _byte(char: str) -> int:
    return FIRST_BYTE + ord(char)


def _bias(logit: float) -> float:
    return logit / float(np.sqrt(WIDTH))  # the norm makes the first channel about that large


def tensors() -> dict[str, NDArray[np.float32]]:
    """Return all weights by name; the first channel is always on and gives each token its bias."""
    random = np.random.default_rng(0)

    def matrix(rows: int, columns: int, scale: float = 0.02) -> NDArray[np.float32]:
        return (random.standard_normal((rows, columns)) * scale).astype(np.float32)

    tokens, output = matrix(len(TOKENS), WIDTH, 0.05), matrix(len(TOKENS), WIDTH, 0.05)
    tokens[:, 0], output[:, 0] = 1.0, _bias(-20.0)
    output[_byte(" ") : _byte("~") + 1, 0] = 0
    output[_byte("a") : _byte("z") + 1, 0] = _bias(1.0)
    output[END, 0] = _bias(2.0)
    for char, bias in LIKELY.items():
        output[_byte(char), 0] = _bias(bias)
    layer = {"attn_norm": np.ones(WIDTH, np.float32), "ffn_norm": np.ones(WIDTH, np.float32)}
    layer |= {f"attn_{name}": matrix(WIDTH, WIDTH) for name in ("q", "k", "v", "output")}
    layer |= {"ffn_gate": matrix(FEED_FORWARD, WIDTH), "ffn_up": matrix(FEED_FORWARD, WIDTH)}
    layer["ffn_down"] = matrix(WIDTH, FEED_FORWARD)
    layer["attn_output"][0] = layer["ffn_down"][0] = 0
    named = {f"blk.0.{name}": weights for name, weights in layer.items()}
    return {"token_embd": tokens, **named, "output_norm": np.ones(WIDTH, np.float32), "output": output}


def write_model(path: str) -> None:
    """Write the model."""
    kind, writer = gguf.TokenType, gguf.GGUFWriter(path, "llama")
    writer.add_name("tiny-random-judge")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(1)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_vocab_size(len(TOKENS))
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(TOKENS)
    writer.add_token_scores([0.0] * len(TOKENS))
    writer.add_token_types([kind.UNKNOWN, kind.CONTROL, kind.CONTROL, *[kind.BYTE] * 256, *[kind.CONTROL] * 2])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(END)
    writer.add_unk_token_id(0)
    writer.add_add_bos_token(True)
    writer.add_add_space_prefix(False)
    writer.add_chat_template(TEMPLATE)
    for name, weights in tensors().items():
        writer.add_tensor(f"{name}.weight", weights)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def serve(path: str) -> None:
    """Serve the model until standard input ends, so that the server never outlives who started it."""
    params = xllamacpp.CommonParams()
    params.model.path = path
    params.n_ctx = 2 * CONTEXT
    params.n_parallel = 2
    params.cpuparams.n_threads = 1
    params.warmup = False
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.use_jinja = True
    params.ui = False
    params.offline = True
    params.sampling.seed = 7
    server = xllamacpp.Server(params)
    sys.stdout.write(f"LISTEN {server.listening_address}\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    write_model(sys.argv[1])
    serve(sys.argv[1])
