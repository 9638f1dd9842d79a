"""Make a tiny llama model (310 KB, no download): random weights with a few set by hand, the same bytes everywhere.

Usage: python tiny_model.py FILE

The vocabulary is bytes plus six markers. The first nine channels of the residual stream are reserved wires, so that a
random model behaves like an agent in a loop:

* ``<tools>`` in the prompt and no ``<tool_response>``: it opens a ``<tool_call>``, and the grammar of llama.cpp then
  forces a call that is valid for the offered schemas;
* after a ``<tool_response>`` it answers with short random text and stops;
* quotes, closing brackets and the end of the turn are likely, so that text under a grammar stays short.
"""

import sys
from pathlib import Path

import gguf
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

WIDTH, HEADS, FEED_FORWARD, CONTEXT = 64, 4, 128, 8192
HEAD = WIDTH // HEADS
WIRES = 9
ONE, NEWLINE, CLOSED, TOOLS, SEEN_TOOLS, SEEN_RESPONSE, RESPONSE = 0, 1, 2, 5, 6, 7, 8

MARKERS = ("<|im_start|>", "<|im_end|>", "<tools>", "<tool_call>", "</tool_call>", "<tool_response>")
TOKENS = ("<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), *MARKERS)
ID = {token: index for index, token in enumerate(TOKENS)}

TEMPLATE = r"""{%- if tools %}
    {{- '<|im_start|>system\n' }}
    {%- if messages[0]['role'] == 'system' %}{{- messages[0]['content'] }}{%- endif %}
    {{- "\n\n# Tools\n\nFunction signatures are within <tools></tools> tags:\n<tools>" }}
    {%- for tool in tools %}
        {{- "\n" }}
        {{- tool | tojson }}
    {%- endfor %}
    {{- "\n</tools>\n\nReturn each call as a json object within <tool_call></tool_call> tags:\n" }}
    {{- "<tool_call>{\"name\": <function-name>, \"arguments\": <args-json-object>}</tool_call><|im_end|>\n" }}
{%- else %}
    {%- if messages[0]['role'] == 'system' %}
        {{- '<|im_start|>system\n' + messages[0]['content'] + '<|im_end|>\n' }}
    {%- endif %}
{%- endif %}
{%- for message in messages %}
    {%- if message.role == "tool" %}
        {{- '<|im_start|>user\n<tool_response>\n' }}
        {{- message.content }}
        {{- '\n</tool_response><|im_end|>\n' }}
    {%- elif message.role == "assistant" and message.tool_calls %}
        {{- '<|im_start|>' + message.role }}
        {%- if message.content %}
            {{- '\n' + message.content }}
        {%- endif %}
        {%- for tool_call in message.tool_calls %}
            {%- if tool_call.function is defined %}
                {%- set tool_call = tool_call.function %}
            {%- endif %}
            {{- '\n<tool_call>{"name": "' }}
            {{- tool_call.name }}
            {{- '", "arguments": ' }}
            {{- tool_call.arguments | tojson }}
            {{- '}</tool_call>' }}
        {%- endfor %}
        {{- '<|im_end|>\n' }}
    {%- elif message.role != "system" or not loop.first %}
        {{- '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>' + '\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\n' }}
{%- endif %}
"""


class Weights:
    """Small random weights, always the same."""

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)

    def matrix(self, rows: int, columns: int, scale: float = 0.02) -> Array:
        return (self._random.standard_normal((rows, columns)) * scale).astype(np.float32)


def byte(char: str) -> int:
    """Return the token of an ASCII character."""
    return ID[f"<0x{ord(char):02X}>"]


def embeddings(weights: Weights) -> Array:
    """Put what each token is onto the wires."""
    matrix = weights.matrix(len(TOKENS), WIDTH, 0.05)
    matrix[:, :WIRES] = 0
    matrix[:, ONE] = 1.0
    matrix[byte("\n"), NEWLINE] = 0.75
    matrix[ID["</tool_call>"], CLOSED] = 0.75
    matrix[ID["<tools>"], TOOLS] = 3.0
    matrix[ID["<tool_response>"], RESPONSE] = 3.0
    return matrix


def predictions(weights: Weights) -> Array:
    """Read the next token off the wires; the wire that is always on gives each token its bias."""
    matrix = weights.matrix(len(TOKENS), WIDTH, 0.05)
    matrix[:, :WIRES] = 0
    norm = np.sqrt(WIDTH)
    for char, bias in {'"': 3.0, "}": 3.0, "]": 2.0, " ": -1.0, "\\": -3.0, "\n": -4.0}.items():
        matrix[byte(char), ONE] = bias / norm
    matrix[ID["<0x00>"] : byte(" "), ONE] = -6.0 / norm
    matrix[ID["<0x80>"] : ID["<0xFF>"] + 1, ONE] = -6.0 / norm
    matrix[byte("a") : byte("z") + 1, ONE] = 1.0 / norm
    for token in ("<unk>", "<s>", "</s>", "<|im_start|>", "<tools>", "</tool_call>", "<tool_response>"):
        matrix[ID[token], ONE] = -24.0 / norm
    matrix[ID["<|im_end|>"], ONE], matrix[ID["<|im_end|>"], CLOSED] = 2.0 / norm, 4.0
    matrix[ID["<tool_call>"], [ONE, NEWLINE, SEEN_TOOLS, SEEN_RESPONSE]] = -3.3, 4.0, 4.0, -10.0
    return matrix


def attention(weights: Weights) -> dict[str, Array]:
    """Let two heads look for a marker anywhere before, and put what they find onto wires."""
    query, key, value, output = (weights.matrix(WIDTH, WIDTH) for _ in range(4))
    output[:WIRES] = 0
    for head, (marker, seen) in enumerate(((TOOLS, SEEN_TOOLS), (RESPONSE, SEEN_RESPONSE))):
        rows = slice(head * HEAD, (head + 1) * HEAD)
        query[rows] = key[rows] = value[rows] = 0
        output[:, rows] = 0
        query[rows.stop - 2, ONE] = key[rows.stop - 2, marker] = 1.5
        value[rows.start, marker] = 1.0
        output[seen, rows.start] = 0.1
    return {"attn_q": query, "attn_k": key, "attn_v": value, "attn_output": output}


def tensors(weights: Weights) -> dict[str, Array]:
    """Return all weights by name; the order in which they are made decides their values."""
    made = {"token_embd": embeddings(weights)}
    out = predictions(weights)
    layer = {"attn_norm": np.ones(WIDTH, np.float32), "ffn_norm": np.ones(WIDTH, np.float32)}
    layer |= attention(weights)
    layer["ffn_gate"] = weights.matrix(FEED_FORWARD, WIDTH)
    layer["ffn_up"] = weights.matrix(FEED_FORWARD, WIDTH)
    layer["ffn_down"] = weights.matrix(WIDTH, FEED_FORWARD)
    layer["ffn_down"][:WIRES] = 0
    made |= {f"blk.0.{name}": matrix for name, matrix in layer.items()}
    return made | {"output_norm": np.ones(WIDTH, np.float32), "output": out}


def describe(writer: gguf.GGUFWriter) -> None:
    """Write shape and vocabulary."""
    kind = gguf.TokenType
    writer.add_name("orket-tiny-random")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(1)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(HEAD)
    writer.add_rope_freq_base(1e9)
    writer.add_vocab_size(len(TOKENS))
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(TOKENS)
    writer.add_token_scores([0.0] * len(TOKENS))
    types = [kind.UNKNOWN, kind.CONTROL, kind.CONTROL, *[kind.BYTE] * 256]
    writer.add_token_types([*types, kind.CONTROL, kind.CONTROL, *[kind.USER_DEFINED] * 4])
    writer.add_bos_token_id(ID["<s>"])
    writer.add_eos_token_id(ID["<|im_end|>"])
    writer.add_unk_token_id(ID["<unk>"])
    writer.add_add_bos_token(True)
    writer.add_add_space_prefix(False)
    writer.add_chat_template(TEMPLATE)


def write_model(path: Path, *, seed: int = 0) -> None:
    """Write the model to *path*."""
    writer = gguf.GGUFWriter(path, "llama")
    describe(writer)
    for name, matrix in tensors(Weights(seed)).items():
        writer.add_tensor(f"{name}.weight", matrix)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    write_model(Path(sys.argv[1]))
