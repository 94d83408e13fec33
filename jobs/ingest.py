"""spark-submit jobs/ingest.py --config FILE: check every source row and pack each date. Arguments as for `sigmalake ingest`."""

from sigmalake.cli.app import main

if __name__ == "__main__":
    main("ingest")
