"""spark-submit jobs/quality.py --config FILE: measure the data of each date. Arguments as for `sigmalake quality`."""

from sigmalake.cli.app import main

if __name__ == "__main__":
    main("quality")
