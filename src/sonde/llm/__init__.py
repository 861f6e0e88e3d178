"""LLM calls as first-class telemetry: attribute families in, one normalised generation out, with its price.

    spans (store) ──► normalise.py ──► Generation ──► prices.py ──► calls.py ──► rows of the table llm_calls
                        │ families/        ▲
                        └─► messages.py ───┘ previews, and the whole conversation for the UI

Pure functions over ``span.LlmSpan``: nothing here talks to the store or to the network.
"""
