"""Rows moved within this machine: Arrow, processes, delta-rs; no JVM."""
