"""spark-submit jobs/portfolios.py --config FILE: the risk of your own portfolios on every date. Arguments as for the command."""

from sigmalake.cli.app import main

if __name__ == "__main__":
    main("portfolios")
