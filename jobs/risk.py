"""spark-submit jobs/risk.py --config FILE: Sigma and Delta over rolling windows. Arguments as for `sigmalake risk`."""

from sigmalake.cli.app import main

if __name__ == "__main__":
    main("risk")
