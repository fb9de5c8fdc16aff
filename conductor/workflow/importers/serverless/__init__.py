"""Serverless Workflow DSL 1.0 (https://serverlessworkflow.io) as documents of ours."""

from conductor.workflow.importers.serverless.workflow import import_serverless

__all__ = ["import_serverless"]
