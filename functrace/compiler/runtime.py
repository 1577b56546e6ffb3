"""What compiled source calls beside NumPy: blocks on threads, memory for blocks, stacks that grow."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ..config import config

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

# ---------------------------------------------------------------------------------------------------------------------
# memory of results
# ---------------------------------------------------------------------------------------------------------------------

# A result is new memory. glibc gives that of a large array back to the system when it is freed, and every page of the
# next one is then asked for anew: of 3 MB that takes longer than to compute them (a strided 1x1 convolution took 3.5 ms
# and now takes 1.0). From the greatest block that was freed it learns what to keep, up to 32 MB: here is one.
np.empty((32 << 20) - (1 << 13), np.uint8)

# ---------------------------------------------------------------------------------------------------------------------
# blocks
# ---------------------------------------------------------------------------------------------------------------------

_lock = threading.Lock()
_pools: dict[int, ThreadPoolExecutor] = {}
_working = threading.local()


def in_blocks(run: Callable[[int, int], None], extent: int, block: int) -> None:
    """Run blocks 0 … extent, each thread a contiguous range of whole blocks."""
    blocks = -(-extent // block)
    threads = min(config.threads, blocks)
    if threads < 2 or getattr(_working, "busy", False):
        run(0, extent)
        return
    edges = [min(blocks * i // threads * block, extent) for i in range(threads)] + [extent]
    pool = _pool(threads)
    futures = [pool.submit(_work, run, edges[i], edges[i + 1]) for i in range(1, threads)]
    run(edges[0], edges[1])
    for future in futures:
        future.result()


def _work(run: Callable[[int, int], None], start: int, stop: int) -> None:
    _working.busy = True
    with np.errstate(all="ignore"):
        run(start, stop)


def _pool(threads: int) -> ThreadPoolExecutor:
    with _lock:
        pool = _pools.get(threads)
        if pool is None:
            from concurrent.futures import ThreadPoolExecutor  # here: it costs a tenth of the library's import

            pool = _pools[threads] = ThreadPoolExecutor(threads - 1, thread_name_prefix="functrace")
        return pool


CHUNK = 1 << 19  # bytes of one array in one block: with few of them a core stays in its second-level cache
MOST_CHUNKS = 32  # kept between calls, for all compiled functions together: 16 MB

_chunks: list[np.ndarray] = []


def take_chunks(count: int) -> list[np.ndarray]:
    """So many pieces of memory of `CHUNK` bytes, for as long as the caller works with them.

    A piece belongs to one caller at a time: to take and to give back are one operation of a list each.
    """
    taken = []
    for _ in range(count):
        try:
            taken.append(_chunks.pop())
        except IndexError:
            taken.append(np.empty(CHUNK, np.uint8))
    return taken


def give_chunks(chunks: list[np.ndarray]) -> None:
    """Give pieces of memory back."""
    _chunks.extend(chunks[: max(0, MOST_CHUNKS - len(_chunks))])


# ---------------------------------------------------------------------------------------------------------------------
# stacks
# ---------------------------------------------------------------------------------------------------------------------


class Stack:
    """An array that grows at its end, by half each time that it is full."""

    __slots__ = ("_data", "_size")

    def __init__(self, shape: tuple[int, ...], dtype: Any) -> None:
        self._data = np.empty((16, *shape), dtype)
        self._size = 0

    def push(self, value: Any) -> None:
        """Put a value on top."""
        if self._size == len(self._data):
            grown = np.empty((self._size + self._size // 2, *self._data.shape[1:]), self._data.dtype)
            grown[: self._size] = self._data
            self._data = grown
        self._data[self._size] = value
        self._size += 1

    def array(self) -> np.ndarray:
        """All values, the oldest first."""
        return self._data[: self._size]
