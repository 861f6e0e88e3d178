"""The only code that talks to ClickHouse: the segment log, the schema, the writer, and clients that ask.

One body's way through this folder: ``segment_log`` makes it durable, ``writer`` closes the segment and inserts it,
``schema/*.sql`` turns the wire message into rows, and ``client`` answers questions about them.
"""
