"""The four wire shapes."""

from __future__ import annotations

from .anthropic import Anthropic
from .base import Shape, Voice
from .gemini import Gemini
from .ollama import Ollama
from .openai import OpenAI

__all__ = ["Anthropic", "Gemini", "Ollama", "OpenAI", "Shape", "Voice"]
