"""Chats and messages (a tree), runs and what they say, and what people think of it."""

from chat.models.chats import Chat, ChatQuerySet
from chat.models.messages import Message, MessageQuerySet
from chat.models.runs import Run, RunEvent, RunQuerySet, Worker
from chat.models.sets import ModelSet, ModelSetQuerySet
from chat.models.votes import Vote, VoteQuerySet

__all__ = [
    "Chat",
    "ChatQuerySet",
    "Message",
    "MessageQuerySet",
    "ModelSet",
    "ModelSetQuerySet",
    "Run",
    "RunEvent",
    "RunQuerySet",
    "Vote",
    "VoteQuerySet",
    "Worker",
]
