"""``llm-stub``: a local endpoint that speaks OpenAI's API well enough for the genuine ``openai`` SDK.

It plays the provider, so it is not instrumented. ``completion.py`` writes the answers, ``behaviour.py`` decides how
slow, expensive and broken it is just now, ``app.py`` puts both on the wire.
"""
