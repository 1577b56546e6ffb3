"""Settings of all tests."""

import os

from hypothesis import settings

import functrace  # noqa: F401  (imported once, whichever test comes first)

# A busy machine is no failure. Where CI is set, the examples are the same on every run.
settings.register_profile("functrace", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("functrace")
