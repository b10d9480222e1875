"""An AWS on one machine: real Terraform, Step Functions, Spark and SQL on a local endpoint (docs/local-aws.md)."""

from local_aws.errors import LocalAwsError
from local_aws.execution import ExecutionResult, VisitedState
from local_aws.local_aws import LocalAws, free_port

__all__ = ["ExecutionResult", "LocalAws", "LocalAwsError", "VisitedState", "free_port"]
