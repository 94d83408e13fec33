"""`python -m sigmalake`."""

from sigmalake.cli import main

main()
