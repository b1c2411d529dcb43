"""What this machine lacks, and how to get it."""
