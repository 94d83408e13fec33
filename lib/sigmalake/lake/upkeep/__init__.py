"""What keeps a lake: withdrawn releases, retention, compaction, removal of files, copies, upgrades."""
