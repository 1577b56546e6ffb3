"""The transforms: each an interpreter of equations."""
