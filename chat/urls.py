from django.urls import path
from django.views.i18n import set_language

from accounts.rules import Who, allow
from chat import health, pages

urlpatterns = [
    path("", pages.new, name="new"),
    path("chat", pages.ask, name="ask"),
    path("chat/<uuid:chat_id>", pages.conversation, name="chat"),
    path("chat/<uuid:chat_id>/messages/<uuid:message_id>", pages.message, name="message"),
    path("sidebar", pages.sidebar, name="sidebar"),
    path("i18n/setlang/", allow(Who.ANYONE)(set_language), name="set_language"),
    path("manifest.webmanifest", pages.manifest, name="manifest"),
    path("robots.txt", pages.robots, name="robots"),
    path("health", health.health, name="health"),
    path("ready", health.ready, name="ready"),
    path("metrics", health.metrics_page, name="metrics"),
]
