"""``ml-engine``: trains a small recommender and serves it, instrumented as a user would do it.

``recommender.py`` is the mathematics, ``training.py`` the job around it, ``app.py`` the service.
"""
