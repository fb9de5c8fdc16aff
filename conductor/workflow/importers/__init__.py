"""Foreign workflow documents made into ours. What cannot be said is listed by line, and nothing is dropped silently."""

from conductor.workflow.importers.argo import import_argo
from conductor.workflow.importers.imported import Imported, Unsupported
from conductor.workflow.importers.serverless import import_serverless
from conductor.workflow.importers.wfformat import import_wfformat

__all__ = ["Imported", "Unsupported", "import_argo", "import_serverless", "import_wfformat"]
