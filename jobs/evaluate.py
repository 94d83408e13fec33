"""spark-submit jobs/evaluate.py --config FILE: forecasts against what happened. Arguments as for `sigmalake evaluate`."""

from sigmalake.cli.app import main

if __name__ == "__main__":
    main("evaluate")
