"""What the command line needs of this machine."""
