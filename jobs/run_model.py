"""spark-submit jobs/run_model.py --config FILE: all five stages. Arguments as for `sigmalake run`."""

from sigmalake.cli.app import main

if __name__ == "__main__":
    main("run")
