from orket.models.callables import CallableModel as CallableModel
from orket.models.ollama import OllamaModel as OllamaModel
from orket.models.openai_compatible import OpenAICompatibleModel as OpenAICompatibleModel

__all__ = ["CallableModel", "OllamaModel", "OpenAICompatibleModel"]
