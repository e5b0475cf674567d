"""Models, reached through providers.

    catalog    which models there are, what they can do and cost, and whether they can be used here
    base       what a provider is: `stream(request)` gives batches of events and ends with `Finish`
    events     those events
    direct     providers that we know how to ask, read straight from the network; each way to speak is a shape:
               openai_shape, anthropic_shape, gemini_shape, ollama_shape
    gateway    every real provider, through LiteLLM (the only module that imports it)
    demo       models that answer offline
    registry   which provider serves a model
    failures   other people's errors become ours

A provider neither retries, nor falls back, nor keeps time: the run engine does, because only it knows
what a reader has already seen. Closing a provider's iterator closes its connection.
"""
