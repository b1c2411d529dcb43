"""From `backups` to `features`."""
