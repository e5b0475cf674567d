from django.urls import path

from api import socket_schema

urlpatterns = [
    path("api/schema/ws.json", socket_schema.socket_schema, name="ws_schema"),
]
