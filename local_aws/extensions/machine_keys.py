"""The KMS key of a state machine: what its role, whoever starts it and the log service need on it.

https://docs.aws.amazon.com/step-functions/latest/dg/encryption-at-rest.html; the log service, and what the role needs
for it, as AWS's CDK grants it: https://github.com/aws/aws-cdk/pull/30959; whoever starts an execution, by one of the
service's developers: https://github.com/aws-samples/aws-stepfunctions-examples/pull/74
"""

from __future__ import annotations

from typing import Any

from local_aws.extensions.iam import Iam, encryption_context
from local_aws.extensions.keys import Keys

MACHINE_KEY_ACTIONS = ("kms:Decrypt", "kms:GenerateDataKey")


class MachineKeys:
    """Asks for the rights on the key of a state machine, if it has one of its owner's."""

    def __init__(self, iam: Iam, keys: Keys) -> None:
        self._iam = iam
        self._keys = keys

    def creation_refusal(self, data: dict[str, Any], arn: str, access_key: str) -> tuple[str, str] | None:
        """Return error code and message if a state machine cannot have its key, or its log group could not be written.

        Args:
            data: the request that creates or updates it.
            arn: of the state machine.
            access_key: of its role.
        """
        reference = key_of(data)
        if not reference:
            return None
        key = self._keys.find(reference)
        if key is None or key["KeyState"] != "Enabled":
            state = key["KeyState"] if key else "not there"
            return "KmsInvalidStateException", f"The KMS key {reference} is {state}"
        if (data.get("loggingConfiguration") or {}).get("level", "OFF") == "OFF":
            return None
        refusal = self._keys.service_refusal(key, "delivery.logs.amazonaws.com", ("kms:Decrypt",), {})
        region, account = arn.split(":")[3:5]
        source = {"kms:encryptioncontext:sourcearn": f"arn:aws:logs:{region}:{account}:*"}
        refusal = refusal or self._iam.denial(access_key, "kms:GenerateDataKey", key["Arn"], source)
        return ("KmsAccessDeniedException", refusal) if refusal else None

    def execution_refusal(self, machine: dict[str, Any], arn: str, access_key: str) -> str | None:
        """Return why the role of a state machine cannot execute it under its key, None when it can."""
        key = self._keys.find(key_of(machine)) if key_of(machine) else None
        if key is None:
            return None
        context = {name.lower(): value for name, value in encryption_context(arn).items()}
        denials = (self._iam.denial(access_key, action, key["Arn"], context) for action in MACHINE_KEY_ACTIONS)
        return next((denial for denial in denials if denial), None)


def key_of(machine: dict[str, Any]) -> str:
    """Return the customer managed key of a state machine as it is named, empty when there is none."""
    return str((machine.get("encryptionConfiguration") or {}).get("kmsKeyId") or "")
