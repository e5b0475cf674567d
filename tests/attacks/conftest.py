"""The engine and tabs of the chat tests, which attackers use as well."""

from tests.chat.conftest import open_tab as open_tab
from tests.chat.conftest import running_engine as running_engine
