#!/usr/bin/env python3
"""Makes WebAssembly text of the plugins in tests/plugins/wat, and, where a tool for that is at hand, binaries of it.

A plugin is WAT without `(module)`, with three additions:
  ;; include NAME      the file NAME in its place
  $"text"              the text's address and length, as two constants; escapes as in WAT
  $pairs{"k" "v" ...}  the same for a header map, serialised as the ABI wants it
Each @word@ is replaced by a parameter, or by its default. What is left is plain WAT.

    tests/plugins/weave.py NAME [WORD=TEXT ...]     writes the text of wat/NAME.wat to standard output
"""
import functools
import os
import re
import shutil
import struct
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
DATA = 65536
LIMIT = 131072
DEFAULTS = {"memory": "memory", "abi": "proxy_abi_version_0_2_1", "allocator": "proxy_on_memory_allocate"}
TOKEN = re.compile(
    r';;[^\n]*|\$"((?:[^"\\]|\\.)*)"|\$pairs\{([^}]*)\}|"(?:[^"\\]|\\.)*"', re.S
)


def unescape(text):
    """The bytes of a WAT string literal."""
    simple = {"n": b"\n", "t": b"\t", "r": b"\r", '"': b'"', "'": b"'", "\\": b"\\"}
    out = b""
    at = 0
    while at < len(text):
        if text[at] != "\\":
            out += text[at].encode()
            at += 1
        elif text[at + 1] in simple:
            out += simple[text[at + 1]]
            at += 2
        else:
            out += bytes.fromhex(text[at + 1 : at + 3])
            at += 3
    return out


def serialise(fields):
    """A header map as bytes: count, lengths, then each name and value with a zero after it."""
    pairs = list(zip(fields[::2], fields[1::2]))
    out = struct.pack("<I", len(pairs))
    for name, value in pairs:
        out += struct.pack("<II", len(name), len(value))
    for name, value in pairs:
        out += name + b"\0" + value + b"\0"
    return out


def include(name, parameters):
    with open(os.path.join(HERE, "wat", name), encoding="utf-8") as file:
        text = file.read()
    for word, value in parameters.items():
        text = text.replace(f"@{word}@", value)
    return re.sub(r"^;; include (\S+)$", lambda match: include(match.group(1), parameters), text, flags=re.M)


def weave(name, **parameters):
    """The module's text."""
    pool = {}
    end = DATA

    def place(data):
        nonlocal end
        if data not in pool:
            pool[data] = end
            end += len(data) + 1
        return f"(i32.const {pool[data]}) (i32.const {len(data)})"

    def replace(match):
        if match.group(1) is not None:
            return place(unescape(match.group(1)))
        if match.group(2) is not None:
            return place(serialise([unescape(text) for text in re.findall(r'"((?:[^"\\]|\\.)*)"', match.group(2))]))
        return match.group(0)

    text = TOKEN.sub(replace, include(name + ".wat", {**DEFAULTS, **parameters}))
    if end > LIMIT:
        raise ValueError(f"{name}: {end - DATA} bytes of texts are too many")
    data = "".join('(data (i32.const %d) "%s")\n' % (address, "".join("\\%02x" % byte for byte in content))
                   for content, address in pool.items())
    return f"(module\n{text}\n{data})\n"


@functools.lru_cache
def converter():
    """A command that reads text from a file and writes a binary to another, or None."""
    if shutil.which("wat2wasm"):
        return ["wat2wasm", "--enable-all"]
    code = "import sys, wasmtime; open(sys.argv[3], 'wb').write(wasmtime.wat2wasm(open(sys.argv[1]).read()))"
    for python in (sys.executable, os.path.join(ROOT, "build", "venv-plugins", "bin", "python")):
        if os.path.exists(python) and subprocess.run([python, "-c", "import wasmtime"], capture_output=True).returncode == 0:
            return [python, "-c", code]
    return None


def binary(text, path):
    """Writes the binary of a module's text to `path`; the text stands beside it."""
    source = os.path.splitext(path)[0] + ".wat"
    with open(source, "w", encoding="utf-8") as file:
        file.write(text)
    result = subprocess.run([*converter(), source, "-o", path], capture_output=True, text=True)
    if result.returncode != 0:
        raise ValueError(f"{source}: {result.stderr}")


if __name__ == "__main__":
    sys.stdout.write(weave(sys.argv[1], **dict(word.split("=", 1) for word in sys.argv[2:])))
