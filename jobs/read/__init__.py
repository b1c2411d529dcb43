"""`uda read`: what the reader of a product makes of files, without Spark."""
