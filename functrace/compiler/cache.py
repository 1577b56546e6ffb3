"""A cache that is bounded and locked."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Any, NamedTuple


class CacheInfo(NamedTuple):
    """Counts of a cache: hits, misses, its bound, and its size now."""

    hits: int
    misses: int
    maxsize: int
    currsize: int


class Cache:
    """At most `maxsize` entries; the one used longest ago is dropped first."""

    __slots__ = ("__weakref__", "_entries", "_fates", "_hits", "_lock", "_misses", "generation", "maxsize")

    def __init__(self, maxsize: int) -> None:
        self.maxsize = maxsize
        self._entries: OrderedDict[Hashable, Any] = OrderedDict()
        self._fates: OrderedDict[int, str] = OrderedDict()  # by the hash of the key: what was dropped, and how
        self._lock = threading.RLock()  # what is dropped under it may run code that comes here again
        self._hits = 0
        self._misses = 0
        self.generation = 0  # how often it was cleared

    def get(self, key: Hashable) -> Any:
        """The entry, or None."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                self._misses += 1
            else:
                self._hits += 1
                self._entries.move_to_end(key)
            return entry

    def count(self, key: Hashable, hits: int) -> None:
        """Count uses of an entry that was found without asking for it here."""
        with self._lock:
            self._hits += hits
            if key in self._entries:
                self._entries.move_to_end(key)

    def put(self, key: Hashable, entry: Any) -> Any:
        """Keep an entry; of two that were made at once the first stays, and is given back."""
        with self._lock:
            entry = self._entries.setdefault(key, entry)
            while len(self._entries) > self.maxsize:
                dropped, _ = self._entries.popitem(last=False)
                self._remember(dropped, "evicted")
            return entry

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            for key in self._entries:
                self._remember(key, "cleared")
            self._entries.clear()
            self.generation += 1
            self._hits = self._misses = 0

    def info(self) -> CacheInfo:
        """How it has been used."""
        with self._lock:
            return CacheInfo(self._hits, self._misses, self.maxsize, len(self._entries))

    def keys(self) -> list[Any]:
        """The keys, the one used longest ago first."""
        with self._lock:
            return list(self._entries)

    def fate(self, key: Hashable) -> str | None:
        """How an entry was dropped that was here once: "evicted" or "cleared"; None if there was none."""
        with self._lock:
            return None if key in self._entries else self._fates.get(hash(key))

    def _remember(self, key: Hashable, fate: str) -> None:
        self._fates[hash(key)] = fate
        self._fates.move_to_end(hash(key))
        while len(self._fates) > self.maxsize:
            self._fates.popitem(last=False)
