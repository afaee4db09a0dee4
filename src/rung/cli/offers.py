"""What `rung init` can find on a machine: keys of hosted models in the environment, and a local Ollama."""

import http.client
import re
from collections.abc import Mapping, Sequence

import msgspec
from msgspec import Struct


class Offer(Struct, frozen=True, kw_only=True):
    """A rung to write down. `noted` is the month in which the price was read; `page` is where to check it; `flags` are
    further lines of its entry, where the server cannot do what is usual. `strength` is a guess."""

    name: str
    provider: str
    base_url: str
    model: str
    strength: float
    variable: str = ""
    input_usd_per_mtok: float = 0.0
    output_usd_per_mtok: float = 0.0
    noted: str = ""
    page: str = ""
    flags: tuple[str, ...] = ()


class Provider(Struct, frozen=True, kw_only=True):
    """`variables` may hold its key: the first that is set is used. `models`: name of the rung, model, strength, and USD
    for a million tokens read and written."""

    name: str
    variables: tuple[str, ...]
    base_url: str
    models: tuple[tuple[str, str, float, float, float], ...]
    noted: str
    page: str
    flags: tuple[str, ...] = ()


_PROVIDERS = (
    Provider(
        name="OpenAI",
        variables=("OPENAI_API_KEY",),
        base_url="https://api.openai.com/v1",
        models=(("openai-mini", "gpt-4.1-mini", 0.8, 0.40, 1.60), ("openai", "gpt-4.1", 0.87, 2.00, 8.00)),
        noted="2026-05",
        page="https://openai.com/api/pricing",
        flags=("images: true",),
    ),
    Provider(
        name="Anthropic",
        variables=("ANTHROPIC_API_KEY",),
        base_url="https://api.anthropic.com/v1",
        models=(
            ("claude-haiku", "claude-haiku-4-5", 0.85, 1.00, 5.00),
            ("claude-sonnet", "claude-sonnet-4-6", 0.92, 3.00, 15.00),
        ),
        noted="2026-04",
        page="https://claude.com/pricing",
        flags=("images: true", "json_schema: false", "logprobs: false", "n: false"),
    ),
    Provider(
        name="Google Gemini",
        variables=("GEMINI_API_KEY", "GOOGLE_API_KEY"),
        base_url="https://generativelanguage.googleapis.com/v1beta/openai",
        models=(("gemini", "gemini-3.5-flash", 0.9, 1.50, 9.00),),
        noted="2026-06",
        page="https://ai.google.dev/gemini-api/docs/pricing",
        flags=("images: true", "logprobs: false", "n: false"),
    ),
    Provider(
        name="Mistral",
        variables=("MISTRAL_API_KEY",),
        base_url="https://api.mistral.ai/v1",
        models=(
            ("mistral-small", "mistral-small-latest", 0.78, 0.10, 0.30),
            ("mistral-large", "mistral-large-latest", 0.85, 0.50, 1.50),
        ),
        noted="2026-06",
        page="https://mistral.ai/pricing",
        flags=("logprobs: false",),
    ),
    Provider(
        name="Groq",
        variables=("GROQ_API_KEY",),
        base_url="https://api.groq.com/openai/v1",
        models=(
            ("groq-small", "openai/gpt-oss-20b", 0.78, 0.075, 0.30),
            ("groq", "openai/gpt-oss-120b", 0.85, 0.15, 0.60),
        ),
        noted="2026-05",
        page="https://groq.com/pricing",
        flags=("logprobs: false", "n: false"),
    ),
    Provider(
        name="OpenRouter",
        variables=("OPENROUTER_API_KEY",),
        base_url="https://openrouter.ai/api/v1",
        models=(("openrouter", "openai/gpt-4.1-mini", 0.8, 0.40, 1.60),),
        noted="2026-05",
        page="https://openrouter.ai/openai/gpt-4.1-mini",
        flags=("images: true", "logprobs: false", "n: false"),
    ),
    Provider(
        name="DeepSeek",
        variables=("DEEPSEEK_API_KEY",),
        base_url="https://api.deepseek.com/v1",
        # At peak hours; at others half of it.
        models=(("deepseek", "deepseek-flash", 0.85, 0.30, 1.20),),
        noted="2026-10",
        page="https://api-docs.deepseek.com/quick_start/pricing",
        flags=("json_schema: false", "n: false"),
    ),
)
VARIABLES = tuple(variable for provider in _PROVIDERS for variable in provider.variables)

OLLAMA = ("127.0.0.1", 11434)
_OLLAMA_S = 1.0
_OLLAMA_TAKEN = 2
# Ollama's own default; it cuts longer prompts off without a word.
_OLLAMA_CONTEXT_TOKENS = 4096
# Billions of parameters up to which a model is guessed to get this share of ordinary questions right.
_BY_SIZE = ((2.0, 0.5), (5.0, 0.6), (10.0, 0.68), (40.0, 0.76))
_LARGEST_STRENGTH = 0.82


class _Details(Struct, frozen=True):
    parameter_size: str = ""


class OllamaModel(Struct, frozen=True):
    """An entry of Ollama's /api/tags."""

    name: str
    size: int = 0
    details: _Details = _Details()


class _Tags(Struct, frozen=True):
    models: tuple[OllamaModel, ...] = ()


def hosted(env: Mapping[str, str]) -> list[Offer]:
    """A rung or two for each provider whose key is in `env`. The key's value is looked at for being there only."""
    offers = []
    for provider in _PROVIDERS:
        variable = next((name for name in provider.variables if env.get(name, "").strip()), None)
        if variable is None:
            continue
        for name, model, strength, read, written in provider.models:
            offer = Offer(
                name=name,
                provider=provider.name,
                base_url=provider.base_url,
                model=model,
                strength=strength,
                variable=variable,
                input_usd_per_mtok=read,
                output_usd_per_mtok=written,
                noted=provider.noted,
                page=provider.page,
                flags=provider.flags,
            )
            offers.append(offer)
    return offers


def ollama_models(host: str, port: int) -> Sequence[OllamaModel]:
    """What an Ollama there has; nothing if there is none, or it does not answer within a second."""
    connection = http.client.HTTPConnection(host, port, timeout=_OLLAMA_S)
    try:
        connection.request("GET", "/api/tags")
        response = connection.getresponse()
        body = response.read()
        return msgspec.json.decode(body, type=_Tags).models if response.status == 200 else ()
    except (OSError, http.client.HTTPException, msgspec.DecodeError):
        return ()
    finally:
        connection.close()


def from_ollama(models: Sequence[OllamaModel]) -> list[Offer]:
    """Its largest chat models, smallest first."""
    chat = [model for model in models if not re.search(r"embed|bge|minilm", model.name.lower())]
    largest = sorted(chat, key=lambda model: -model.size)[:_OLLAMA_TAKEN]
    host, port = OLLAMA
    return [
        Offer(
            name=re.sub(r"[^a-z0-9._-]+", "-", f"ollama-{model.name.lower()}")[:64],
            provider="Ollama",
            base_url=f"http://{host}:{port}/v1",
            model=model.name,
            strength=_strength_of(model.details.parameter_size),
            flags=(f"context_tokens: {_OLLAMA_CONTEXT_TOKENS}", "tokens_per_s: 20", "logprobs: false", "n: false"),
        )
        for model in sorted(largest, key=lambda model: model.size)
    ]


def _strength_of(parameters: str) -> float:
    """From Ollama's "7.6B" or "134.52M"."""
    found = re.fullmatch(r"([\d.]+)([BM])", parameters.strip().upper())
    if found is None:
        return _BY_SIZE[1][1]
    billions = float(found[1]) / (1 if found[2] == "B" else 1000)
    return next((strength for size, strength in _BY_SIZE if billions <= size), _LARGEST_STRENGTH)
