"""spark-submit jobs/covariance.py --config FILE: V for what the configuration names, or by hand. Arguments as for the command."""

from sigmalake.cli.app import main

if __name__ == "__main__":
    main("covariance")
