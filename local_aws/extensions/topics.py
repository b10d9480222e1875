"""SNS topics as other services publish to them: the topic's policy and the policy of its key have to let them.

EventBridge tells neither of the two which rule or account it acts for, so a condition on that is never met: "You can't
use Condition blocks in Amazon SNS topic policies for EventBridge", and in the key's policy they make deliveries fail:
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html#eb-sns-permissions
https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html#compatibility-with-aws-services

CloudWatch tells both:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html
"""

from __future__ import annotations

from collections.abc import Mapping

from local_aws.extensions.hooks import Emulator
from local_aws.extensions.iam import PUBLISH_KEY_ACTIONS
from local_aws.extensions.keys import Keys


class Topics:
    """Says whether a service may publish to a topic."""

    def __init__(self, emulator: Emulator, keys: Keys) -> None:
        self._keys = keys
        self._sns = emulator.module("services.sns", "_topic_by_arn_any_scope")
        self._evaluator = emulator.module("core.iam_evaluator", "EvalContext", "evaluate_resource_policy")
        self._responses = emulator.module("core.responses", "get_account_id", "get_region")

    def refusal(self, topic_arn: str, service: str, context: Mapping[str, str]) -> str | None:
        """Return why a service may not publish to a topic, None when it may.

        Args:
            topic_arn: of the topic.
            service: the principal, e.g. `events.amazonaws.com`.
            context: the condition keys that the service tells.
        """
        topic = self._sns._topic_by_arn_any_scope(topic_arn)
        if topic is None:
            return f"the topic {topic_arn} does not exist"
        request = self._evaluator.EvalContext(
            principal_arn="*",
            principal_type="Service",
            principal_account="",
            action="sns:Publish",
            resource_arn=topic_arn,
            region=self._responses.get_region(),
            service_context={name.lower(): value for name, value in context.items()},
        )
        policy = topic["attributes"].get("Policy")
        if self._evaluator.evaluate_resource_policy(policy, request, service=service).decision != "Allow":
            return f"the policy of {topic_arn} does not allow sns:Publish to {service}"
        reference = topic["attributes"].get("KmsMasterKeyId")
        if not reference:
            return None
        key = self._keys.find(reference)
        if key is None:
            # AWS's own key for SNS is for the principals of the account only.
            return f"the key {reference} of {topic_arn} cannot be used by {service}"
        return self._keys.service_refusal(key, service, PUBLISH_KEY_ACTIONS, context)
