"""The computational graph: every value and gradient of a call, to look at and to step through, forward and backward."""

from .graph import Edge, Graph, Group, Node, Step, graph

__all__ = ["Edge", "Graph", "Group", "Node", "Step", "graph"]
