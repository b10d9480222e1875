"""An AWS on one machine: real Terraform, Step Functions, Spark and SQL on a local endpoint (docs/local-aws.md)."""

from tests.local_aws.errors import LocalAwsError
from tests.local_aws.execution import ExecutionResult, VisitedState
from tests.local_aws.local_aws import LocalAws, free_port

__all__ = ["ExecutionResult", "LocalAws", "LocalAwsError", "VisitedState", "free_port"]
