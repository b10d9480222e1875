"""What the local AWS adds to ministack, one module per service; `install` puts all of it in place."""

from __future__ import annotations

from local_aws.extensions.athena import Athena
from local_aws.extensions.call_faults import CallFaults
from local_aws.extensions.cloudwatch import CloudWatch
from local_aws.extensions.defaults import Defaults
from local_aws.extensions.event_targets import EventTargets
from local_aws.extensions.glue_catalog import GlueCatalog
from local_aws.extensions.glue_crawlers import GlueCrawlers
from local_aws.extensions.glue_jobs import GlueJobs
from local_aws.extensions.glue_logs import GlueLogs
from local_aws.extensions.hooks import Emulator
from local_aws.extensions.iam import Iam
from local_aws.extensions.keys import Keys
from local_aws.extensions.limits import Limits
from local_aws.extensions.logs import Logs
from local_aws.extensions.repeats import Repeats
from local_aws.extensions.roles import RoleSessions
from local_aws.extensions.s3_archive import Archive
from local_aws.extensions.s3_buckets import Buckets
from local_aws.extensions.s3_checksums import Checksums
from local_aws.extensions.s3_etags import ETags
from local_aws.extensions.s3_limits import S3Limits
from local_aws.extensions.s3_pace import S3Pace
from local_aws.extensions.schedules import Schedules
from local_aws.extensions.sdk_calls import DOCUMENTED, OTHER
from local_aws.extensions.step_functions import StepFunctions
from local_aws.extensions.topics import Topics
from local_aws.settings import Settings


def install(settings: Settings) -> GlueJobs:
    """Check every hook, then put all extensions in place; return the one that owns processes.

    Raises:
        HookError: when ministack is not the version the extensions were written for, naming what is missing.
    """
    emulator = Emulator()
    sessions = RoleSessions(emulator, settings)
    keys = Keys(emulator)
    iam = Iam(emulator, settings, keys)
    logs = GlueLogs(emulator, sessions, iam)
    jobs = GlueJobs(emulator, settings, sessions, iam, logs)
    extensions = (
        Limits(emulator),
        CallFaults(emulator, settings.call_faults),
        Repeats(emulator),
        S3Pace(emulator, settings),
        iam,
        Buckets(emulator),
        ETags(emulator),
        Checksums(emulator),
        Archive(emulator),
        S3Limits(emulator),
        GlueCatalog(emulator),
        jobs,
        GlueCrawlers(emulator, sessions, logs),
        Athena(emulator, settings, sessions, iam),
        StepFunctions(emulator, sessions, iam, keys, OTHER if settings.other_spelling else DOCUMENTED),
        EventTargets(emulator, sessions, Topics(emulator, keys)),
        Schedules(emulator),
        Logs(emulator, keys),
        CloudWatch(emulator),
        Defaults(emulator),
    )
    emulator.check()
    for extension in extensions:
        extension.install()
    return jobs
