"""The local model server: OpenAI-compatible, several models at once. Knows no Django."""
