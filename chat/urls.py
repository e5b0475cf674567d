from django.urls import path
from django.views.i18n import set_language

from accounts.rules import Who, allow
from chat import exports, health, judging, library, offline, pages, sets

urlpatterns = [
    path("", pages.new, name="new"),
    path("chat", pages.ask, name="ask"),
    path("chat/<uuid:chat_id>", pages.conversation, name="chat"),
    path("chat/<uuid:chat_id>/messages/<uuid:message_id>", pages.message, name="message"),
    path("chat/<uuid:chat_id>/messages/<uuid:message_id>/choose", pages.choose, name="choose"),
    path("chat/<uuid:chat_id>/messages/<uuid:message_id>/vote", judging.vote, name="vote"),
    path("chat/<uuid:chat_id>/messages/<uuid:message_id>/reveal", judging.reveal, name="reveal"),
    path("chat/<uuid:chat_id>/messages/<uuid:message_id>/tag", judging.tag, name="tag"),
    path("chat/<uuid:chat_id>/messages/<uuid:message_id>/synthesis", judging.synthesis, name="synthesis"),
    path("chat/<uuid:chat_id>/messages/<uuid:message_id>/difference", judging.difference, name="difference"),
    *(
        path(
            f"chat/<uuid:chat_id>/messages/<uuid:message_id>/comparison.{form}",
            judging.export,
            {"form": form},
            name=f"export_{form}",
        )
        for form in exports.FORMS
    ),
    path("compare/ranking", judging.ranking, name="ranking"),
    path("compare", pages.compare, name="compare"),
    path("sets", sets.kept, name="sets"),
    path("sets/<uuid:set_id>/delete", sets.deleted, name="delete_set"),
    path("library", library.library, name="library"),
    path("documents/<uuid:document_id>", library.document, name="document"),
    path("documents/<uuid:document_id>/save", library.save, name="save_document"),
    path("documents/<uuid:document_id>/rename", library.rename, name="rename_document"),
    path("documents/<uuid:document_id>/delete", library.delete, name="delete_document"),
    path("documents/<uuid:document_id>/undelete", library.undelete, name="undelete_document"),
    path("documents/<uuid:document_id>/versions/<int:number>/restore", library.restore, name="restore_document"),
    path("documents/<uuid:document_id>/suggestions/<uuid:suggestion_id>", library.suggestion, name="answer_suggestion"),
    path("sidebar", pages.sidebar, name="sidebar"),
    path("i18n/setlang/", allow(Who.ANYONE)(set_language), name="set_language"),
    path("manifest.webmanifest", pages.manifest, name="manifest"),
    path("sw.js", offline.service_worker, name="service_worker"),
    path("offline", offline.offline, name="offline"),
    path("robots.txt", pages.robots, name="robots"),
    path("health", health.health, name="health"),
    path("ready", health.ready, name="ready"),
    path("metrics", health.metrics_page, name="metrics"),
]
