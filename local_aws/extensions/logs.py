"""CloudWatch Logs: keys of log groups, which have to let the service use them."""

from __future__ import annotations

import json
from typing import Any

from local_aws.extensions.hooks import Emulator
from local_aws.extensions.keys import Keys

# https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
KEY_ACTIONS = (
    "kms:Encrypt",
    "kms:Decrypt",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
    "kms:GenerateDataKey",
    "kms:DescribeKey",
)
RESOURCE = ":log-group:"


class Logs:
    """Adds the calls that give a log group another key or none, and checks keys as CreateLogGroup does on AWS."""

    def __init__(self, emulator: Emulator, keys: Keys) -> None:
        self._keys = keys
        self._logs = emulator.module("services.cloudwatch_logs", "handle_request", "_log_groups")
        self._responses = emulator.module(
            "core.responses", "json_response", "error_response_json", "get_account_id", "get_region"
        )

    def install(self) -> None:
        """Put the dispatch in place."""
        self._original = self._logs.replace("handle_request", self.handle_request)

    async def handle_request(
        self, method: str, path: str, headers: dict[str, str], body: bytes, query_params: dict[str, Any]
    ) -> Any:
        """Answer one request."""
        action = headers.get("x-amz-target", "").rpartition(".")[2]
        if action in ("AssociateKmsKey", "DisassociateKmsKey", "CreateLogGroup"):
            data = json.loads(body or b"{}")
            name = group_name(data)
            key = "" if action == "DisassociateKmsKey" else data.get("kmsKeyId", "")
            if action == "CreateLogGroup":
                refusal = self._key_refusal(name, key) if key and name not in self._logs._log_groups else None
            else:
                refusal = self._set_key(name, key)
            if refusal or action != "CreateLogGroup":
                return refusal or self._responses.json_response({})
        return await self._original(method, path, headers, body, query_params)

    def _set_key(self, name: str, key: str) -> Any:
        """Give a log group a key, or none; return a refusal or None.

        https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_AssociateKmsKey.html
        """
        group = self._logs._log_groups.get(name)
        if group is None:
            message = f"The specified log group does not exist: {name}"
            return self._responses.error_response_json("ResourceNotFoundException", message, 400)
        refusal = self._key_refusal(name, key) if key else None
        if refusal is None:
            group["kmsKeyId"] = key or None
        return refusal

    def _key_refusal(self, name: str, reference: str) -> Any:
        # Only ARNs are taken, and no aliases: https://github.com/hashicorp/terraform/issues/24194
        key = self._keys.find(reference) if ":key/" in reference else None
        if key is None:
            message = f"The specified KMS Key Id could not be found. '{name}'"
            return self._responses.error_response_json("InvalidParameterException", message, 400)
        region = self._responses.get_region()
        arn = f"arn:aws:logs:{region}:{self._responses.get_account_id()}{RESOURCE}{name}"
        context = {"kms:EncryptionContext:aws:logs:arn": arn}
        if self._keys.service_refusal(key, f"logs.{region}.amazonaws.com", KEY_ACTIONS, context):
            # https://github.com/hashicorp/terraform-provider-aws/issues/29282
            message = f"The specified KMS key does not exist or is not allowed to be used with Arn '{arn}'"
            return self._responses.error_response_json("AccessDeniedException", message, 400)
        return None


def group_name(data: dict[str, Any]) -> str:
    """Return the log group a request is about, named or by its ARN."""
    name = data.get("logGroupName") or data.get("resourceIdentifier", "").partition(RESOURCE)[2]
    return str(name).removesuffix(":*")
