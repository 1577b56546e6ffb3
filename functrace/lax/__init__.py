"""The primitives, with JAX's names: `functrace.lax.sin`, `functrace.lax.dot_general` …"""
