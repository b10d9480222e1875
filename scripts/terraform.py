"""Any Terraform command, with the machine's provider mirror where it has one.

python -m scripts.terraform -- init -backend=false
"""

from __future__ import annotations

import os
import sys

from local_aws.terraform import ROOT, TerraformError, execute, initialise, with_cli_configuration


def main() -> int:
    """Run Terraform with the arguments after `--` and return its exit status."""
    arguments = sys.argv[1:]
    if arguments[:1] == ["--"]:
        arguments = arguments[1:]
    work = ROOT / "build" / "terraform"
    try:
        if "init" in arguments:
            initialise(arguments, os.environ, work)
            return 0
        return execute(arguments, with_cli_configuration(os.environ, work))[0]
    except TerraformError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
