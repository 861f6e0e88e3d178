"""Names of providers: the many that instrumentations write, OpenTelemetry's one, and the price list's.

Well-known values: https://github.com/open-telemetry/semantic-conventions-genai (gen_ai.provider.name)
"""

from __future__ import annotations

_WELL_KNOWN: dict[str, tuple[str, ...]] = {
    "openai": ("openai_chat", "chatopenai"),
    "azure.ai.openai": ("az.ai.openai", "azure", "azure_openai", "azureopenai", "azure-openai", "azurechatopenai"),
    "azure.ai.inference": ("az.ai.inference", "azure_ai", "azure_ai_inference"),
    "anthropic": ("chatanthropic", "claude"),
    "aws.bedrock": ("bedrock", "amazon-bedrock", "amazon_bedrock", "aws", "aws_bedrock", "bedrock_converse"),
    "gcp.gemini": ("gemini", "google", "google_genai", "google-genai", "google.generative-ai", "google_ai", "googleai"),
    "gcp.gen_ai": (),
    "gcp.vertex_ai": (
        "vertex_ai", "vertexai", "vertex", "google_vertexai", "google.vertex", "google-vertex", "gcp.vertex.agent",
    ),
    "cohere": (),
    "deepseek": (),
    "groq": (),
    "ibm.watsonx.ai": ("watsonx", "ibm"),
    "mistral_ai": ("mistral", "mistralai"),
    "moonshot_ai": ("moonshot", "moonshotai"),
    "perplexity": (),
    "x_ai": ("xai", "x-ai"),
    "ollama": (),
}  # fmt: skip
_CANONICAL = {alias: name for name, aliases in _WELL_KNOWN.items() for alias in (name, *aliases)}

_NOT_PROVIDERS = frozenset({
    "langchain", "langgraph", "llamaindex", "llama_index", "litellm", "crewai", "haystack", "dspy", "pydantic_ai",
    "smolagents", "autogen", "semantic_kernel", "gateway", "unknown", "_other", "other", "none",
})  # fmt: skip
"""Frameworks and shrugs that stand where the provider should: the model and the host must tell."""

_PRICE_LIST_ID = {
    "azure.ai.openai": "azure",
    "azure.ai.inference": "azure",
    "aws.bedrock": "aws",
    "gcp.gemini": "google",
    "gcp.gen_ai": "google",
    "gcp.vertex_ai": "google",
    "mistral_ai": "mistral",
    "moonshot_ai": "moonshotai",
    "x_ai": "x-ai",
    "together_ai": "together",
    "fireworks_ai": "fireworks",
    "hugging_face": "",
    "ibm.watsonx.ai": "",
    "ollama": "",
    "vllm": "",
    "lm_studio": "",
    "lmstudio": "",
    "llama.cpp": "",
    "localai": "",
    "sglang": "",
    "triton": "",
    "replicate": "",
}
"""Well-known name to the id in genai-prices; "" for those that it does not list, whose models must not be priced as if
somebody else served them."""
_NAME_OF_PRICE_LIST_ID = {
    "azure": "azure.ai.openai",
    "aws": "aws.bedrock",
    "google": "gcp.gemini",
    "mistral": "mistral_ai",
    "moonshotai": "moonshot_ai",
    "x-ai": "x_ai",
}


def canonical_provider(reported: str) -> str:
    """The well-known name of a provider; "" where a framework stands in its place.

    >>> canonical_provider("AzureOpenAI"), canonical_provider("openai.chat"), canonical_provider("LangChain")
    ('azure.ai.openai', 'openai', '')
    """
    name = reported.strip().lower()
    known = _CANONICAL.get(name) or _CANONICAL.get(name.partition(".")[0])  # the AI SDK appends its API: openai.chat
    if known:
        return known
    return "" if name in _NOT_PROVIDERS else name


def price_list_id(provider: str) -> str:
    """The id in genai-prices of a canonical provider; "" when it is known not to be listed."""
    return _PRICE_LIST_ID.get(provider, provider)


def provider_of_price_list(identity: str) -> str:
    """The canonical name of a provider of genai-prices.

    >>> provider_of_price_list("google"), provider_of_price_list("groq")
    ('gcp.gemini', 'groq')
    """
    return _NAME_OF_PRICE_LIST_ID.get(identity, identity)
