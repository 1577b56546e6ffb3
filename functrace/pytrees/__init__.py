"""What `functrace.tree` is made of. The public names are there; a module here imports only those above it in this list.

keys           the keys on the path to a leaf
registry       which classes are containers, and the nodes they make
description    nodes as text
containers     tuples, lists, dicts and the other containers of Python
registration   the user's own classes
dataclass      dataclasses as containers
partial        functions with bound arguments as containers
traversal      a tree into leaves and nodes
prefix         whether nodes are a prefix of a tree, and where they are not
generated      functions written for one structure
treedef        the structure of a tree
paths          trees flattened and mapped with the path to each leaf
"""
