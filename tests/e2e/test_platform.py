"""A platform team's stack and a consumer's, as the examples have them: applied, queried, changed month by month, destroyed.

The landing bucket of another account is applied with both sides in the one account there is.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import botocore.exceptions
import pytest

from local_aws import ExecutionResult, LocalAws, free_port
from local_aws.execution import follow
from local_aws.queries import QueryError, run_query
from local_aws.terraform import ROOT, Terraform
from tests.local_aws.conftest import client_of

# Ten applies of four stacks; what a plan can show of them stands in tests/examples.tftest.hcl.
pytestmark = pytest.mark.long
EXAMPLES = ROOT / "examples"
LANDING = "acme-risk-landing"
ANALYST = "arn:aws:iam::000000000000:root"
EXECUTION_SECONDS = 600.0
FILES = {
    "sales": {
        "orders/month=2024-01/a.csv": "order_id,customer,amount\n1,ada,10\n2,bob,20.5\n",
        "orders/month=2024-02/a.csv": "order_id,customer,amount\n3,ada,30\n",
        "customers/a.csv": "customer,country\nada,DE\nbob,FR\n",
    },
    "risk": {"ratings/a.csv": "customer,rating\nada,1\nbob,3\n"},
}
