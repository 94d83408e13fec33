"""spark-submit jobs/regress.py --config FILE: one cross-sectional regression a date. Arguments as for `sigmalake regress`."""

from sigmalake.cli.app import main

if __name__ == "__main__":
    main("regress")
