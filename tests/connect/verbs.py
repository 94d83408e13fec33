"""Run as a process: verbs of the command line, one after the other, on a session of Spark Connect that somebody else has made."""

import contextlib
import io
import json
import os
import sys
import time
from pathlib import Path

from pyspark.sql import SparkSession

from sigmalake.cli.app import app
from sigmalake.cli.setup.runtime import prepare_environment

url, asked, answers = sys.argv[1], json.loads(Path(sys.argv[2]).read_text()), Path(sys.argv[3])
prepare_environment()
spark = SparkSession.builder.remote(url).getOrCreate()
spark.conf.set("spark.sql.session.timeZone", "Asia/Tokyo")
assert "SPARK_REMOTE" not in os.environ
found = []
for arguments in asked:
    with answers.with_suffix(".log").open("a") as log:  # where the time goes, of one that does not end
        print(f"{time.monotonic():.1f} s, {time.process_time():.1f} s of CPU: {arguments[0]}", file=log)
    if arguments[0] == "spark":
        found.append([0, json.dumps(spark.sql(arguments[1]).toArrow().to_pylist(), default=str)])
        continue
    with contextlib.redirect_stdout(io.StringIO()) as said:
        code = app(args=arguments, standalone_mode=False)
    found.append([code or 0, said.getvalue()])
assert spark.conf.get("spark.sql.session.timeZone") == "Asia/Tokyo"
assert spark.range(3).count() == 3, "the session was stopped"
answers.write_text(json.dumps(found))
