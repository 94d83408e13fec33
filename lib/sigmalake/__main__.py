"""`python -m sigmalake`."""

from sigmalake.cli.app import main

main()
