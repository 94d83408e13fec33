"""spark-submit jobs/describe.py --config FILE: raw descriptors from prices. Arguments as for `sigmalake describe`."""

from sigmalake.cli.app import main

if __name__ == "__main__":
    main("describe")
