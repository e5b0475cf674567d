"""Chats and messages (a tree), runs and what they say."""

from chat.models.chats import Chat, ChatQuerySet
from chat.models.messages import Message, MessageQuerySet
from chat.models.runs import Run, RunEvent, RunQuerySet, Worker

__all__ = ["Chat", "ChatQuerySet", "Message", "MessageQuerySet", "Run", "RunEvent", "RunQuerySet", "Worker"]
