"""The computational graph: every value and gradient of a call, to look at and to step through, forward and backward."""

from .building import graph
from .graph import Graph
from .nodes import Edge, Group, Node, Step

__all__ = ["Edge", "Graph", "Group", "Node", "Step", "graph"]
