"""From landed records to `backups` and `rejects`."""
