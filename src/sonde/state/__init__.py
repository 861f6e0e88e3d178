"""Small transactional state beside the store: API keys, sessions, the audit log. SQLite by default, PostgreSQL by URL.

``database`` opens it and brings its schema up to date; each other file is one noun: frozen rows out, functions in.
"""
