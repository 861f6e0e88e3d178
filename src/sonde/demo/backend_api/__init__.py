"""``backend-api``: the shop's API, instrumented as a user would do it.

``app.py`` has the routes, ``access.py`` who may use them, ``database.py`` what is kept, ``assistant.py`` what the model
is asked, ``retrieval.py`` what it is given to read, ``signals.py`` the metrics, ``supplier.py`` the scraper's page.
"""
