"""KMS keys as other services use them: by the key's own policy, as the principal of the service.

A service that encrypts with a customer managed key needs the key policy to let it:
https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-services.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from local_aws.extensions.hooks import Emulator


class Keys:
    """Finds keys and asks their policies."""

    def __init__(self, emulator: Emulator) -> None:
        self._kms = emulator.module("services.kms", "_resolve_key")
        self._evaluator = emulator.module("core.iam_evaluator", "EvalContext", "evaluate_resource_policy")
        self._responses = emulator.module("core.responses", "get_account_id", "get_region")

    def find(self, reference: str) -> dict[str, Any] | None:
        """Return a key by its ARN, id or alias; None when there is none."""
        found: dict[str, Any] | None = self._kms._resolve_key(reference)
        return found

    def service_refusal(
        self, key: dict[str, Any], service: str, actions: tuple[str, ...], context: Mapping[str, str]
    ) -> str | None:
        """Return why a service may not use a key, None when its policy lets it do all the actions.

        Args:
            key: as `find` returns it.
            service: the principal, e.g. `events.amazonaws.com`.
            actions: e.g. `kms:Decrypt`.
            context: condition keys of the service's call; one that the service does not send must be left out.
        """
        if key["KeyState"] != "Enabled":
            return f"{key['Arn']} is {key['KeyState']}"
        for action in actions:
            request = self._evaluator.EvalContext(
                # Not an IAM principal of the account, yet somebody: only "*" and the service's own name match.
                principal_arn="*",
                principal_type="Service",
                principal_account=self._responses.get_account_id(),
                action=action,
                resource_arn=key["Arn"],
                region=self._responses.get_region(),
                service_context={name.lower(): value for name, value in context.items()},
            )
            decision = self._evaluator.evaluate_resource_policy(key.get("Policy"), request, service=service).decision
            if decision != "Allow":
                return f"the policy of {key['Arn']} does not allow {action} to {service}"
        return None
