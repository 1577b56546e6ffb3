"""The language: avals, primitives, jaxprs, and the trace in which an operation meets a transform."""
