"""A writer that was put to sleep in the middle of a commit, and lost the lake, adds nothing to what its successor wrote."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest
from pyspark.sql import functions as F

from sigmalake.engines.spark.engine import SparkEngine
from sigmalake.errors import InfrastructureError
from sigmalake.lake.claims.claim import Claim, Pace
from sigmalake.lake.claims.folder_claims import FolderClaims
from sigmalake.lake.dates import DateRange
from sigmalake.lake.lake import Lake, Writer
from sigmalake.lake.lease import hold
from sigmalake.tables.long import ASSET_COVARIANCE, COVARIANCE_BUILDS

pytestmark = pytest.mark.jvm

DAY, AFTER = date(2024, 1, 2), date(2024, 1, 3)


def writing_to(engine, owner, lease):
    return Lake(engine.storage, Writer(owner, "-", lease, engine))


def build(spark, name, day):
    return spark.createDataFrame([(name, day, "known", day, "hash", 3, [], [])], COVARIANCE_BUILDS.schema_sql())


def write(lake, rows, day):
    lake.replace(COVARIANCE_BUILDS, rows, "covariance", [DateRange(day, day)])


def test_the_commit_that_a_former_holder_slept_in_fails(spark, tmp_path):
    root = str(tmp_path / "lake")
    sleeper = writing_to(SparkEngine(spark, root), "sleeper", None)
    write(sleeper, build(spark, "sleeper", DAY), DAY)
    rows = build(spark, "sleeper", AFTER).withColumn("n_assets", F.udf(lambda n: time.sleep(5.0) or n, "int")("n_assets"))
    claims = FolderClaims(tmp_path / "lake", Pace(lifetime=15.0, poll=0.1))  # a lapsed claim is watched for a third of it
    claims.add(Claim(1, "sleeper", "elsewhere", 1, expires_at=0.0, released=False))
    with ThreadPoolExecutor() as pool, hold(claims, "heir") as lease:
        writing = pool.submit(write, sleeper, rows, AFTER)
        time.sleep(2.0)  # the rows are on their way
        heir = writing_to(SparkEngine(spark, root), "heir", lease)
        heir.fence_off([COVARIANCE_BUILDS, ASSET_COVARIANCE])
        write(heir, build(spark, "heir", AFTER), AFTER)
        with pytest.raises(InfrastructureError, match="covariance_builds: another writer committed at the same time"):
            writing.result()
    assert sorted(row["variant"] for row in SparkEngine(spark, root).read(COVARIANCE_BUILDS).collect()) == ["heir", "sleeper"]
    assert [commit.keeps_rows for commit in heir.commits(COVARIANCE_BUILDS, None)][-3:] == [False, True, False]  # the fence
