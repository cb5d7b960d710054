"""About how many tokens a text has, where no tokenizer is loaded."""

CHARACTERS = 4.0  # of a token, in English
FURTHER = 0.75  # tokens for each further byte of a character: letters that are not Latin take more


def tokens_in(text: str) -> float:
    """Tokens of a text, about: a fourth of its characters, and more of those beyond ASCII."""
    further = len(text.encode("utf-8", "surrogatepass")) - len(text)
    return len(text) / CHARACTERS + FURTHER * further
