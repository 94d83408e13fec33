"""The mixing of 64-bit words, and the words of texts: what hashes of rows are made of, the same on every machine.

`mix` is the finaliser of splitmix64 (Steele, Lea and Flood 2014), a bijection of the numbers of 64 bits.
"""

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Words = NDArray[np.uint64]
Wholes = NDArray[np.int64]

SEED = np.uint64(0x243F6A8885A308D3)  # digits of pi
K = np.uint64(0x9E3779B97F4A7C15)  # digits of the golden ratio, odd
_MULTIPLIERS = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))
_SHIFTS = (np.uint64(30), np.uint64(27), np.uint64(31))
_MASKS = np.array([(1 << (8 * n)) - 1 for n in range(9)], dtype=np.uint64)  # the first n bytes of a word
BLOCK = 1 << 14  # texts that are hashed at once: their words stay in the cache


def mix_in_place(words: Words, scratch: Words) -> None:
    """Mix the bits of each word; `scratch` is as long."""
    for shift, multiplier in zip(_SHIFTS, _MULTIPLIERS, strict=False):
        np.right_shift(words, shift, out=scratch)
        words ^= scratch
        words *= multiplier
    np.right_shift(words, _SHIFTS[2], out=scratch)
    words ^= scratch


def mixed(words: Words) -> Words:
    """The words with their bits mixed."""
    found = words.copy()
    mix_in_place(found, np.empty_like(found))
    return found


def text_hashes(names: pa.Array) -> Words:
    """The hash of each text, of its UTF-8 bytes in words of 8 and its length; of a null, that of no bytes."""
    starts, lengths, data = _bytes_of(names)
    at_byte = np.ndarray((len(data) - 7,), dtype="<u8", buffer=data, strides=(1,))  # the word that begins at each byte
    hashes = np.full(len(names), SEED)
    for first in range(0, len(names), BLOCK):
        block = slice(first, first + BLOCK)
        _hash_texts_in_place(hashes[block], starts[block], lengths[block], at_byte)
    return hashes


def _hash_texts_in_place(hashes: Words, starts: Wholes, lengths: Wholes, at_byte: Words) -> None:
    scratch = np.empty_like(hashes)
    longest = int(lengths.max(initial=0))
    for offset in range(0, longest, 8):
        left = lengths - offset
        at = slice(None) if left.min() > 0 else np.flatnonzero(left > 0)
        word = at_byte[starts[at] + offset].astype(np.uint64, copy=False)
        some = hashes[at] * K
        some += word & _MASKS[np.minimum(left[at], 8)]
        mix_in_place(some, scratch[: len(some)])
        hashes[at] = some
    hashes *= K
    hashes += lengths.view(np.uint64)
    mix_in_place(hashes, scratch)


def _bytes_of(names: pa.Array) -> tuple[Wholes, Wholes, NDArray[np.uint8]]:
    """Where each text begins in the bytes of all, how long it is, and the bytes, with 8 more behind the last."""
    names = names.cast(pa.large_binary()).fill_null(b"")
    _, offsets, data = names.buffers()
    if len(names) == 0:
        nothing: NDArray[Any] = np.array([], dtype=np.int64)
        return nothing, nothing, np.zeros(8, dtype=np.uint8)
    ends = np.frombuffer(offsets, dtype=np.int64)[names.offset : names.offset + len(names) + 1]
    found = np.zeros(ends[-1] - ends[0] + 8, dtype=np.uint8)
    if data is not None:
        found[: ends[-1] - ends[0]] = np.frombuffer(data, dtype=np.uint8)[ends[0] : ends[-1]]
    return ends[:-1] - ends[0], np.diff(ends), found
