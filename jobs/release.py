"""spark-submit jobs/release.py --config FILE: check, then pin every table's version. Arguments as for `sigmalake release`."""

from sigmalake.cli.app import main

if __name__ == "__main__":
    main("release")
