"""Documents in other forms: YAML and JSON that read back as the same document, Mermaid and Graphviz pictures."""

from conductor.workflow.exporters.drawing import Drawing, draw
from conductor.workflow.exporters.graphviz import to_dot
from conductor.workflow.exporters.mermaid import to_mermaid
from conductor.workflow.exporters.texts import to_json, to_yaml

__all__ = ["Drawing", "draw", "to_dot", "to_json", "to_mermaid", "to_yaml"]
