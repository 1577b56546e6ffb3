"""Where pytest looks for tests."""

# The tests import it: where JAX is not installed it skips them, each with the reason.
collect_ignore = ["agreement.py"]
