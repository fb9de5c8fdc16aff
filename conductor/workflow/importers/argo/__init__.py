"""Argo Workflows (https://argo-workflows.readthedocs.io) as documents of ours."""

from conductor.workflow.importers.argo.workflow import import_argo

__all__ = ["import_argo"]
