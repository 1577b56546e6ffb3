"""A jaxpr becomes NumPy source."""
