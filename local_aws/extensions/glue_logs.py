"""Logs of Glue jobs and crawlers, written to CloudWatch Logs with the rights of their role."""

from __future__ import annotations

import contextlib
import time

import botocore.exceptions

from local_aws.console import say
from local_aws.extensions.hooks import Emulator
from local_aws.extensions.iam import Iam
from local_aws.extensions.roles import Credentials, RoleSessions

# CloudWatch Logs takes at most 10,000 events in one call; a local run keeps only the end of its output.
MAX_LOG_LINES = 5000


class LogDeliveryError(Exception):
    """A role may not write its logs as they are asked for."""


class GlueLogs:
    """Delivers lines as Glue does: with the role's rights, encrypted when a security configuration asks for it."""

    def __init__(self, emulator: Emulator, sessions: RoleSessions, iam: Iam) -> None:
        self._sessions = sessions
        self._iam = iam
        self._glue = emulator.module("services.glue", "_security_configs")

    def deliver(
        self, group: str, stream: str, lines: list[str], security_configuration: str | None, credentials: Credentials
    ) -> None:
        """Write lines into a stream; a refusal is noted in the server's log and harms nobody else."""
        logs = self._sessions.client("logs", credentials)
        now = int(time.time() * 1000)
        events = [{"timestamp": now, "message": line} for line in lines[-MAX_LOG_LINES:] if line]
        try:
            with contextlib.suppress(logs.exceptions.ResourceAlreadyExistsException):
                logs.create_log_group(logGroupName=group)
            self._check_key(security_configuration, group, credentials)
            with contextlib.suppress(logs.exceptions.ResourceAlreadyExistsException):
                logs.create_log_stream(logGroupName=group, logStreamName=stream)
            if events:
                logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)
        except (LogDeliveryError, botocore.exceptions.ClientError) as error:
            say(f"the logs of {stream} could not be delivered to {group}: {error}", aside=True)

    def _check_key(self, security_configuration: str | None, group: str, credentials: Credentials) -> None:
        """Check that the role may see the security configuration and have its logs encrypted as that asks for.

        https://docs.aws.amazon.com/glue/latest/dg/set-up-encryption.html
        """
        if not security_configuration:
            return
        if denial := self._iam.denial(credentials.access_key, "glue:GetSecurityConfiguration", "*"):
            raise LogDeliveryError(denial)
        configuration = self._glue._security_configs.get(security_configuration) or {}
        encryption = configuration.get("EncryptionConfiguration", {}).get("CloudWatchEncryption") or {}
        if encryption.get("KmsKeyArn"):
            arn = f"arn:aws:logs:{self._sessions.region}:{self._sessions.account_id}:log-group:{group}:log-stream:"
            denial = self._iam.denial(credentials.access_key, "logs:AssociateKmsKey", arn)
            if denial:
                raise LogDeliveryError(denial)
