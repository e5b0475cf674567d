"""System checks of the chat app."""
