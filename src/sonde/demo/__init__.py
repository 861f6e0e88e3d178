"""A real small system beside the server, with traffic and scripted trouble: what ``sonde demo`` shows.

    traffic ──HTTP──► backend-api ──HTTP──► ml-engine     traffic    plays the users and the incidents; not instrumented
       │                │    ▲                            backend-api  shop, goals, answers by retrieval; instrumented
       │                │    └──HTTP── scraper            ml-engine    trains and serves a recommender; instrumented
       │                ▼                                 scraper      reads a supplier's page; instrumented
       └──admin──► llm-stub                               llm-stub     speaks OpenAI's API; not instrumented

``run.run_demo`` starts them as processes of their own, each with Sonde's SDK as a user's service would have it, and
stops them. ``traffic/incident.py`` says what goes wrong when; what did is written to ``ground-truth.jsonl``.
"""
