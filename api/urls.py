from django.urls import path

from api import documents, socket_schema

urlpatterns = [
    path("api/schema/ws.json", socket_schema.socket_schema, name="ws_schema"),
    path("api/documents", documents.collection, name="api_documents"),
    path("api/documents/<uuid:document_id>", documents.document, name="api_document"),
    path("api/documents/<uuid:document_id>/undelete", documents.undelete, name="api_undelete"),
    path("api/documents/<uuid:document_id>/download", documents.download, name="api_download"),
    path("api/documents/<uuid:document_id>/diff", documents.difference, name="api_diff"),
    path("api/documents/<uuid:document_id>/versions", documents.versions, name="api_versions"),
    path("api/documents/<uuid:document_id>/versions/<int:number>", documents.version, name="api_version"),
    path("api/documents/<uuid:document_id>/versions/<int:number>/restore", documents.restore, name="api_restore"),
    path("api/documents/<uuid:document_id>/suggestions", documents.suggestions, name="api_suggestions"),
    path("api/documents/<uuid:document_id>/suggestions/accept", documents.accept_all, name="api_accept_all"),
    path("api/documents/<uuid:document_id>/suggestions/reject", documents.reject_all, name="api_reject_all"),
    path(
        "api/documents/<uuid:document_id>/suggestions/<uuid:suggestion_id>/accept", documents.accept, name="api_accept"
    ),
    path(
        "api/documents/<uuid:document_id>/suggestions/<uuid:suggestion_id>/reject", documents.reject, name="api_reject"
    ),
]
