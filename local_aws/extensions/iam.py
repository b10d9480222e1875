"""IAM as AWS checks it: Glue's several resources per call, Athena's work groups, KMS keys, a log of what roles called.

Which resources an action is checked on: https://docs.aws.amazon.com/service-authorization/latest/reference/ (pages
list_awsglue.html, list_amazonathena.html, list_amazoncloudwatchlogs.html).
"""

from __future__ import annotations

import contextvars
import functools
import json
import re
import threading
import time
from dataclasses import dataclass, field, replace
from typing import Any

from local_aws.extensions.hooks import Emulator
from local_aws.extensions.keys import Keys
from local_aws.extensions.passed_roles import passed_roles
from local_aws.extensions.roles import find_role
from local_aws.settings import ROOT_ACCESS_KEY, Settings


@dataclass(frozen=True)
class ObjectRequest:
    """What a request to S3 says about the object it is for."""

    headers: dict[str, str]
    upload: str
    version: str
    in_parts: bool
    needs_content: bool


@dataclass(frozen=True)
class RequestFacts:
    """What a request says of the call being checked: further resources, condition keys, its object, roles it passes."""

    more_resources: tuple[str, ...] = ()
    context: dict[str, Any] = field(default_factory=dict)
    s3: ObjectRequest | None = None
    passed_roles: tuple[str, ...] = ()


@dataclass(frozen=True)
class Refusal:
    """Why a request fails on a KMS key or a role: a right that the caller lacks, or what is wrong with the key."""

    action: str
    resource: str
    code: str = ""
    message: str = ""


KEY_HEADER = "x-amz-server-side-encryption-aws-kms-key-id"
READING = ("s3:GetObject", "s3:GetObjectVersion")
# https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
PUBLISH_KEY_ACTIONS = ("kms:GenerateDataKey", "kms:Decrypt")
# What the start of an execution needs on the key of its state machine, from whoever starts it:
# https://github.com/aws-samples/aws-stepfunctions-examples/pull/74
START_KEY_ACTIONS = ("kms:GenerateDataKey", "kms:Decrypt")
STARTING = ("states:StartExecution", "states:StartSyncExecution")
# S3 passes on what KMS says: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#KMSErrorCodeList
KEY_STATES = {"Disabled": ("KMS.DisabledException", "is disabled.")}
OTHER_STATE = ("KMS.KMSInvalidStateException", "is in a state that does not allow its use.")
NO_FACTS = RequestFacts()


class Iam:
    """Corrects the resources that ministack checks a call on, and writes down each role's calls."""

    def __init__(self, emulator: Emulator, settings: Settings, keys: Keys) -> None:
        self._keys = keys
        self._actions = emulator.module(
            "core.iam_actions",
            "extract_resource_arn",
            "access_denied_response",
            "identity_denial_message",
        )
        self._evaluator = emulator.module(
            "core.iam_evaluator",
            "enforce",
            "EvalContext",
            "evaluate",
            "resolve_principal",
            "AuthError",
            "EvalResult",
            "_fnmatch_compile",
        )
        self._app = emulator.module("app", "pin_request_origin")
        self._athena = emulator.module("services.athena", "_executions")
        self._sts = emulator.module("services.sts", "_sessions", "_assumed_role_arn", "_error")
        self._roles = emulator.module("services.iam", "_roles")
        self._s3 = emulator.module(
            "services.s3",
            "_buckets",
            "_error",
            "_multipart_uploads",
            "_object_versions",
            "_resolve_sse_write_headers",
            "_stored_sse_headers",
        )
        self._sns = emulator.module("services.sns", "_topic_by_arn_any_scope")
        self._machines = emulator.module("services.stepfunctions", "_state_machines")
        self._responses = emulator.module("core.responses", "get_account_id", "get_region")
        self._call_log = settings.call_log
        self._lock = threading.Lock()
        self._facts: contextvars.ContextVar[RequestFacts] = contextvars.ContextVar("facts", default=NO_FACTS)
        self._refused: contextvars.ContextVar[Refusal | None] = contextvars.ContextVar("refused")
        self._caller: contextvars.ContextVar[str] = contextvars.ContextVar("caller", default=ROOT_ACCESS_KEY)

    def install(self) -> None:
        """Replace the resource lookup, the wildcards, the check and the refusal."""
        self._evaluator.replace("_fnmatch_compile", wildcard)
        self._original_arn = self._actions.replace("extract_resource_arn", self.extract_resource_arn)
        self._original_enforce = self._evaluator.replace("enforce", self.enforce)
        self._original_refusal = self._actions.replace("access_denied_response", self.access_denied_response)
        self._original_assumed = self._sts.replace("_assumed_role_arn", self.assumed_role_arn)
        self._original_origin = self._app.replace("pin_request_origin", self.pin_request_origin)

    @property
    def caller(self) -> str:
        """Access key of the request being served."""
        return self._caller.get()

    def pin_request_origin(self, source_ip: str, secure_transport: bool) -> None:
        """Take every request as if it came over TLS: the local endpoint has none and TLS-only policies would deny."""
        self._original_origin(source_ip, True)

    def assumed_role_arn(self, role_arn: str, session_name: str) -> Any:
        """Return the ARN of the session of a role that is assumed, or the refusal of an ARN with another path."""
        role = self._roles._roles.get(role_arn.rpartition("/")[2])
        if role is not None and role["Arn"] != role_arn and f"::{self._responses.get_account_id()}:" in role_arn:
            message = f"User is not authorized to perform: sts:AssumeRole on resource: {role_arn}"
            return None, self._sts._error(403, "AccessDenied", message, ns="sts")
        return self._original_assumed(role_arn, session_name)

    def extract_resource_arn(
        self,
        service: str,
        method: str,
        path: str,
        headers: dict[str, str],
        body: bytes,
        query: dict[str, Any],
        region: str,
        account: str,
    ) -> str:
        """Return the main resource of a request and remember its further ones for `enforce`."""
        facts = NO_FACTS
        self._refused.set(None)
        action = headers.get("x-amz-target", "").rpartition(".")[2]
        found: list[str] | None = None
        if service in ("glue", "athena", "logs"):
            try:
                data = json.loads(body or b"{}")
            except ValueError:
                data = {}
            base = f"arn:aws:{service}:{region}:{account}:"
            if service == "glue":
                found = glue_resources(action, data, base)
            elif service == "athena":
                found = self._athena_resources(data, base)
            else:
                found = logs_resources(action, data, base)
        elif service == "s3":
            facts = RequestFacts(s3=object_request(method, headers, query))
        elif service == "monitoring" and (namespace := metric_namespace(body, query)):
            facts = RequestFacts(context={"cloudwatch:namespace": namespace})
        if found:
            facts = RequestFacts(more_resources=tuple(found[1:]))
        passed = tuple(self._role_arn(role, account) for role in passed_roles(service, method, headers, path, body))
        self._facts.set(replace(facts, passed_roles=passed))
        if found:
            return found[0]
        return str(self._original_arn(service, method, path, headers, body, query, region, account))

    def _role_arn(self, reference: str, account: str) -> str:
        """Return the ARN of a role that a request may call by its name."""
        if reference.startswith("arn:"):
            return reference
        role = find_role(self._roles._roles, reference)
        return str(role["Arn"]) if role else f"arn:aws:iam::{account}:role/{reference}"

    def _athena_resources(self, data: dict[str, Any], base: str) -> list[str]:
        if "QueryExecutionId" in data:
            execution = self._athena._executions.get(data["QueryExecutionId"]) or {}
            return [f"{base}workgroup/{execution.get('WorkGroup', 'primary')}"]
        if "QueryString" in data:
            return [f"{base}workgroup/{data.get('WorkGroup', 'primary')}"]
        return []

    def enforce(
        self,
        access_key: str,
        action: str,
        service: str,
        region: str,
        resource_arn: str = "*",
        service_context: dict[str, Any] | None = None,
    ) -> Any:
        """Check a call on all its resources; return None when it is allowed."""
        self._caller.set(access_key)
        facts = self._facts.get()
        context = {**(service_context or {}), **facts.context}
        for resource in (resource_arn, *facts.more_resources):
            denied = self._original_enforce(
                access_key, action, service, region, resource_arn=resource, service_context=context
            )
            self._record(access_key, action, resource, denied is None)
            if denied:
                return denied
        for role in facts.passed_roles:
            denied = self._original_enforce(
                access_key,
                "iam:PassRole",
                "iam",
                region,
                resource_arn=role,
                service_context={"iam:PassedToService": f"{service}.amazonaws.com"},
            )
            self._record(access_key, "iam:PassRole", role, denied is None)
            if denied:
                self._refused.set(Refusal("iam:PassRole", role))
                return denied
        refused = self._key_refusal(access_key, action, region, resource_arn, facts)
        self._refused.set(refused)
        if refused is None:
            return None
        principal = self._evaluator.resolve_principal(access_key, self._responses.get_account_id())
        return self._evaluator.EvalResult("ImplicitDeny", principal_arn=principal.arn)

    def _key_refusal(
        self, access_key: str, action: str, region: str, resource: str, facts: RequestFacts
    ) -> Refusal | None:
        """Check the KMS key that a call needs; None when it needs none or may use it."""
        needed: tuple[str, ...] = ()
        reference = ""
        if facts.s3:
            reference, needed = self._object_key(action, resource, facts.s3)
        elif action == "sns:Publish":
            topic = self._sns._topic_by_arn_any_scope(resource) or {}
            reference, needed = topic.get("attributes", {}).get("KmsMasterKeyId") or "", PUBLISH_KEY_ACTIONS
        elif action in STARTING:
            configuration = (self._machines._state_machines.get(resource) or {}).get("encryptionConfiguration") or {}
            reference, needed = configuration.get("kmsKeyId") or "", START_KEY_ACTIONS
        # Keys of AWS's own serve everybody in their account.
        if not reference or reference.rpartition(":")[2].startswith("alias/aws/"):
            return None
        key = self._keys.find(reference)
        if key is None:
            return Refusal("", reference, "KMS.NotFoundException", f"Invalid keyId '{reference}'")
        if key["KeyState"] != "Enabled":
            code, what = KEY_STATES.get(key["KeyState"], OTHER_STATE)
            return Refusal("", key["Arn"], code, f"{key['Arn']} {what}")
        service = action.partition(":")[0]
        context = {
            "kms:ViaService": f"{service}.{region}.amazonaws.com",
            "kms:CallerAccount": self._responses.get_account_id(),
            **(encryption_context(resource) if action in STARTING else {}),
        }
        for wanted in needed:
            denied = self._original_enforce(
                access_key, wanted, "kms", region, resource_arn=key["Arn"], service_context=context
            )
            self._record(access_key, wanted, key["Arn"], denied is None)
            if denied:
                return Refusal(wanted, key["Arn"])
        return None

    def _object_key(self, action: str, resource: str, request: ObjectRequest) -> tuple[str, tuple[str, ...]]:
        """Return the key of an object that is written or read, and what has to be allowed on it.

        A key is kept with its object: the bucket's may be another one by now. What is needed:
        https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html, for parts also to decrypt:
        https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateMultipartUpload.html
        """
        bucket, _, name = resource.rpartition(":::")[2].partition("/")
        if action == "s3:PutObject":
            upload = self._s3._multipart_uploads.get(request.upload)
            if upload is not None:
                stored = self._s3._stored_sse_headers(upload)
            else:
                stored, _ = self._s3._resolve_sse_write_headers(request.headers, bucket)
            needed = ("kms:GenerateDataKey", "kms:Decrypt") if request.in_parts else ("kms:GenerateDataKey",)
            return (stored or {}).get(KEY_HEADER, ""), needed
        if action not in READING or not request.needs_content:
            return "", ()
        versions = self._s3._object_versions.get((bucket, name), []) if request.version else []
        found = [version for version in versions if version["version_id"] == request.version]
        current = (self._s3._buckets.get(bucket) or {}).get("objects", {}).get(name) or {}
        return self._s3._stored_sse_headers(found[0] if found else current).get(KEY_HEADER, ""), ("kms:Decrypt",)

    def denial(self, access_key: str, action: str, resource: str, context: dict[str, Any] | None = None) -> str | None:
        """Return why the caller may not do something that a service does in its name, or None when it may.

        For rights that a service needs and that no request of its own shows, such as log delivery.

        Args:
            access_key: of the caller.
            action: e.g. `ec2:CreateTags`.
            resource: ARN the action is checked on, `*` where it knows none.
            context: condition keys in lower case and their values.
        """
        principal = self._evaluator.resolve_principal(access_key, self._responses.get_account_id())
        if isinstance(principal, self._evaluator.AuthError):
            return str(principal.message)
        if principal.policies is None:
            return None
        context = self._evaluator.EvalContext(
            principal_arn=principal.arn,
            principal_type=principal.type,
            principal_account=principal.account,
            action=action,
            resource_arn=resource,
            region=self._responses.get_region(),
            principal_keys=principal.keys,
            service_context=context or {},
        )
        decision = self._evaluator.evaluate(context, principal.policies, *principal.limits).decision
        self._record(access_key, action, resource, decision == "Allow")
        if decision == "Allow":
            return None
        return str(self._actions.identity_denial_message(action, principal.arn, resource, decision == "Deny"))

    def access_denied_response(
        self, service: str, action: str, principal_arn: str, request_id: str, **more: Any
    ) -> Any:
        """Refuse a call with the message AWS gives today, which names the resource."""
        refused = self._refused.get(None)
        if refused and refused.code and service == "s3":
            return self._s3._error(refused.code, refused.message, 400)
        if refused:
            action, more["resource_arn"] = refused.action, refused.resource
            more["resource_policy_arn"] = ""
            if refused.message:
                more["message"] = refused.message
            if service == "states" and refused.action != "iam:PassRole":
                # https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html#API_StartExecution_Errors
                more["error_code"] = "KmsInvalidStateException" if refused.code else "KmsAccessDeniedException"
                more["message"] = refused.message or self._actions.identity_denial_message(
                    refused.action, principal_arn, refused.resource, False
                )
            if service == "sns":
                # https://docs.aws.amazon.com/sns/latest/api/API_Publish.html#API_Publish_Errors
                more["error_code"] = "KMSNotFound" if "NotFound" in refused.code else "KMSAccessDenied"
                more["message"] = refused.message or self._actions.identity_denial_message(
                    refused.action, principal_arn, refused.resource, False
                )
        if not more.get("message") and not more.get("error_code") and not more.get("resource_policy_arn"):
            more["message"] = self._actions.identity_denial_message(
                action, principal_arn, more.get("resource_arn", "*"), bool(more.get("explicit_deny"))
            )
        return self._original_refusal(service, action, principal_arn, request_id, **more)

    def _record(self, access_key: str, action: str, resource: str, allowed: bool) -> None:
        session = self._sts._sessions.get(access_key)
        role = role_of(session or {})
        if role is None:
            return
        line = json.dumps(
            {"time": time.time(), "role": role, "action": action, "resource": resource, "allowed": allowed}
        )
        with self._lock, self._call_log.open("a") as log:
            log.write(line + "\n")


def role_of(session: dict[str, Any]) -> str | None:
    """Return the ARN of the role that a session acts as, whether a service or a person has assumed it."""
    if "RoleArn" in session:
        return str(session["RoleArn"])
    place, found, rest = str(session.get("Arn", "")).partition(":assumed-role/")
    return f"{place.replace(':sts:', ':iam:')}:role/{rest.partition('/')[0]}" if found else None


@functools.lru_cache(4096)
def wildcard(pattern: str, ignore_case: bool) -> re.Pattern[str]:
    """Return what a pattern of a policy matches: `*` any text and `?` any character, line ends too.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html#reference_policies_elements_resource_wildcards
    """
    parts = re.split(r"([*?])", pattern)
    translated = "".join({"*": ".*", "?": "."}.get(part, re.escape(part)) for part in parts)
    return re.compile(rf"{translated}\Z", re.DOTALL | (re.IGNORECASE if ignore_case else 0))


def object_request(method: str, headers: dict[str, str], query: dict[str, Any]) -> ObjectRequest:
    """Return what matters of a request to S3 when its object is encrypted.

    A HEAD tells of an object without decrypting it, unless its checksum is asked for; so do its attributes:
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html and .../API_GetObjectAttributes.html
    """
    source_version = re.search(r"[?&]versionId=([^&]+)", headers.get("x-amz-copy-source", ""))
    if "attributes" in query:
        needs_content = "checksum" in headers.get("x-amz-object-attributes", "").lower()
    else:
        needs_content = method != "HEAD" or headers.get("x-amz-checksum-mode", "").upper() == "ENABLED"
    return ObjectRequest(
        headers=headers,
        upload=first(query.get("uploadId")),
        version=source_version[1] if source_version else first(query.get("versionId")),
        in_parts="uploads" in query or "uploadId" in query,
        needs_content=needs_content,
    )


def encryption_context(state_machine_arn: str) -> dict[str, str]:
    """Return the condition key by which KMS knows for which state machine Step Functions uses a key."""
    return {"kms:EncryptionContext:aws:states:stateMachineArn": state_machine_arn}


def first(value: Any) -> str:
    """Return a query parameter, which may come as a list of one."""
    return str((value[0] if value else "") if isinstance(value, list) else value or "")


def glue_resources(action: str, data: dict[str, Any], base: str) -> list[str]:
    """Return the ARNs that a Glue call is checked on; all of them have to be allowed."""
    if "Table" in action or "Partition" in action:
        table = data.get("Name") or data.get("TableName") or (data.get("TableInput") or {}).get("Name") or "*"
        database = data.get("DatabaseName")
        tables = data.get("TablesToDelete") or [table]
        return [*(f"{base}table/{database}/{name}" for name in tables), f"{base}database/{database}", f"{base}catalog"]
    if "Database" in action:
        name = data.get("Name") or (data.get("DatabaseInput") or {}).get("Name") or "*"
        return [f"{base}database/{name}", f"{base}catalog"]
    if "Crawler" in action:
        return [f"{base}crawler/{data['Name']}"] if data.get("Name") else ["*"]
    if "Job" in action:
        name = data.get("JobName") or data.get("Name")
        return [f"{base}job/{name}"] if name else ["*"]
    if action in ("TagResource", "UntagResource", "GetTags"):
        return [str(data.get("ResourceArn") or data.get("ResourceARN") or "*")]
    return ["*"]


def logs_resources(action: str, data: dict[str, Any], base: str) -> list[str]:
    """Return the ARN that a CloudWatch Logs call is checked on, in the form the service's refusals show."""
    group = data.get("logGroupName")
    if not group or action not in ("CreateLogGroup", "CreateLogStream", "PutLogEvents", "DescribeLogStreams"):
        return []
    return [f"{base}log-group:{group}:log-stream:{data.get('logStreamName', '')}"]


def metric_namespace(body: bytes, query: dict[str, Any]) -> str | None:
    """Return the namespace of a PutMetricData request in any of the service's three encodings, else None."""
    if b"MetricData" not in body and "Namespace" not in query:
        return None
    value = query.get("Namespace")
    if value:
        return str(value[0] if isinstance(value, list) else value)
    try:
        return str(json.loads(body)["Namespace"])
    except (ValueError, KeyError, TypeError):
        return cbor_text_after(body, "Namespace")


def cbor_text_after(body: bytes, key: str) -> str | None:
    """Return the CBOR text string that follows a text key (RFC 8949, major type 3), or None."""
    marker = bytes([0x60 + len(key)]) + key.encode()
    position = body.find(marker)
    if position < 0:
        return None
    position += len(marker)
    head = body[position]
    if head >> 5 != 3:
        return None
    length, start = head & 0x1F, position + 1
    if length == 24:
        length, start = body[start], start + 1
    elif length == 25:
        length, start = int.from_bytes(body[start : start + 2], "big"), start + 2
    return body[start : start + length].decode("utf-8", "replace")
