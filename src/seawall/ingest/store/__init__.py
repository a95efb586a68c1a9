"""The tape on disk: an append log, Parquet by day and kind, queries on several engines."""
