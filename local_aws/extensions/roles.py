"""Credentials of IAM roles for the services that act on a role's behalf, and boto3 clients that use them."""

from __future__ import annotations

import json
import secrets
import threading
import time
from dataclasses import dataclass
from typing import Any

import botocore.session
from botocore.client import BaseClient
from botocore.config import Config

from local_aws.extensions.hooks import Emulator
from local_aws.settings import ROOT_ACCESS_KEY, ROOT_SECRET_KEY, Settings

SESSION_SECONDS = 12 * 3600


class RoleError(Exception):
    """A service may not act as the role it was given."""


@dataclass(frozen=True)
class Credentials:
    """Keys a call is signed with; `token` is empty for long-term keys."""

    access_key: str
    secret_key: str
    token: str


ROOT = Credentials(ROOT_ACCESS_KEY, ROOT_SECRET_KEY, "")


class RoleSessions:
    """Hands out role credentials after checking the role's trust policy, as the real services do through STS."""

    def __init__(self, emulator: Emulator, settings: Settings) -> None:
        self._settings = settings
        self._iam = emulator.module("services.iam", "_roles")
        self._sts = emulator.module("services.sts", "register_session", "_role_id")
        self._evaluator = emulator.module(
            "core.iam_evaluator", "EvalContext", "_conditions_met", "resolve_credential", "ResolvedCredential"
        )
        self._responses = emulator.module("core.responses", "get_account_id", "get_region")
        self._session = botocore.session.get_session()
        self._clients: dict[tuple[str, str, str], BaseClient] = {}
        self._lock = threading.Lock()

    @property
    def region(self) -> str:
        """Region of the request being served."""
        return str(self._responses.get_region())

    @property
    def account_id(self) -> str:
        """Account of the request being served."""
        return str(self._responses.get_account_id())

    def assume(self, role_arn: str, service: str, session_name: str, source_arn: str) -> Credentials:
        """Return credentials of the role for a service principal such as `glue.amazonaws.com`.

        Raises:
            RoleError: when the role does not exist or its trust policy does not let the service in.
        """
        role = find_role(self._iam._roles, role_arn)
        if role is None:
            raise RoleError(f"The role {role_arn} cannot be found")
        if not self._trusts(role["AssumeRolePolicyDocument"], service, source_arn):
            raise RoleError(f"{service} is not authorized to assume the role {role_arn}: its trust policy denies it")
        credentials = Credentials(
            "ASIA" + secrets.token_hex(8).upper(), secrets.token_urlsafe(30), secrets.token_urlsafe(60)
        )
        # Registering walks through all sessions, while other threads may be adding theirs.
        with self._lock:
            self._sts.register_session(
                credentials.access_key,
                {
                    "Arn": f"arn:aws:sts::{self.account_id}:assumed-role/{role['RoleName']}/{session_name}",
                    "PrincipalType": "AssumedRole",
                    "UserId": f"{self._sts._role_id(role['Arn'])}:{session_name}",
                    "SecretAccessKey": credentials.secret_key,
                    "SessionToken": credentials.token,
                    "AccountId": self.account_id,
                    "RoleArn": role["Arn"],
                    "Expiration": time.time() + SESSION_SECONDS,
                },
            )
        return credentials

    def of_access_key(self, access_key: str) -> Credentials:
        """Return the full credentials behind the access key of a request that was let in."""
        found = self._evaluator.resolve_credential(access_key, self.account_id)
        if not isinstance(found, self._evaluator.ResolvedCredential):
            return ROOT
        return Credentials(found.access_key_id, found.secret_access_key, found.session_token or "")

    def client(self, service: str, credentials: Credentials) -> Any:
        """Return a client of the local endpoint that signs with the credentials and never retries by itself."""
        key = (service, credentials.access_key, self.region)
        with self._lock:
            if key not in self._clients:
                self._clients[key] = self._session.create_client(
                    service,
                    region_name=self.region,
                    endpoint_url=self._settings.endpoint,
                    aws_access_key_id=credentials.access_key,
                    aws_secret_access_key=credentials.secret_key,
                    aws_session_token=credentials.token or None,
                    config=Config(
                        retries={"total_max_attempts": 1},
                        s3={"addressing_style": "path"},
                        # Nothing is lost between here and here; a checksum of each object read would be computed.
                        response_checksum_validation="when_required",
                        max_pool_connections=50,
                        read_timeout=120,
                        # StartSyncExecution is asked of the host sync-…, which a local address has not.
                        inject_host_prefix=False,
                    ),
                )
            return self._clients[key]

    def _trusts(self, policy: str | dict[str, Any], service: str, source_arn: str) -> bool:
        """Evaluate a trust policy for a service principal, with the confused-deputy keys the service sends."""
        document = json.loads(policy) if isinstance(policy, str) else policy
        statements = document["Statement"]
        context = self._evaluator.EvalContext(
            principal_arn=service,
            principal_type="Service",
            principal_account=self.account_id,
            action="sts:AssumeRole",
            resource_arn="*",
            region=self.region,
            service_context={"aws:sourceaccount": self.account_id, "aws:sourcearn": source_arn},
        )
        allowed = False
        for statement in statements if isinstance(statements, list) else [statements]:
            principal = statement.get("Principal")
            named = as_list(principal.get("Service")) if isinstance(principal, dict) else as_list(principal)
            if not {service, "*"} & set(named) or "sts:AssumeRole" not in as_list(statement.get("Action")):
                continue
            if not self._evaluator._conditions_met(statement.get("Condition", {}), context):
                continue
            if statement["Effect"] == "Deny":
                return False
            allowed = True
        return allowed


def find_role(roles: Any, reference: str) -> dict[str, Any] | None:
    """Return the role that an ARN names, with its path, or a name, with or without its path; None when none does.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
    """
    role: dict[str, Any] | None = roles.get(reference.rpartition("/")[2])
    if role is None:
        return None
    return role if reference in (role["Arn"], role["Arn"].partition(":role/")[2], role["RoleName"]) else None


def as_list(value: str | list[str] | None) -> list[str]:
    """Return the list that IAM's JSON may abbreviate to its only element."""
    if value is None:
        return []
    return [value] if isinstance(value, str) else value
