"""PyYAML's safe loader with bounds. Import it where YAML is read: it loads PyYAML."""

from typing import Any

import yaml

_MOST_NODES = 20_000


class OutOfBounds(yaml.MarkedYAMLError):
    """The text is YAML, and more or other than a settings file may be."""


class BoundedLoader(yaml.SafeLoader):
    """Refuses repeated keys, and aliases that unfold to more than a settings file may hold."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self.weights: dict[int, int] = {}

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Compose one node, and weigh what it unfolds to."""
        alias = self.check_event(yaml.AliasEvent)
        node = super().compose_node(parent, index)
        assert node is not None, "every event that begins a node ends in one"
        if not alias:
            self.weights[id(node)] = 1 + sum(self.weights[id(child)] for child in _children(node))
        if self.weights.get(id(node)) is None:
            raise OutOfBounds(problem="holds an alias of itself", problem_mark=node.start_mark)
        if self.weights[id(node)] > _MOST_NODES or len(self.weights) > _MOST_NODES:
            raise OutOfBounds(problem="unfolds to more than settings may hold", problem_mark=node.start_mark)
        return node

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        """Compose one table, whose keys must differ."""
        node = super().compose_mapping_node(anchor)
        names = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode) and key.value != "<<"]
        if len(set(names)) < len(names):
            raise OutOfBounds(problem="gives a key twice in the table", problem_mark=node.start_mark)
        return node


def _children(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []
