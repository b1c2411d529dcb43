"""The detection kernel: arrays in, arrays out. No Spark, no MLflow, no files but the shipped fleet model."""
