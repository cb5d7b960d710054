"""What a vote was about, how it went and who cast it: the categories that it counts in.

The rules are plain and stated here, so that anybody can say why a vote is in a category. The
methodology page shows `EXPLAINED`.
"""

import re
from functools import cache
from typing import Protocol

from arena.selectors import DecidedVote

OVERALL = "overall"
CODING, MATHS = "coding", "maths"  # the prompt library has categories of the same names
LONG_PROMPT, MULTI_TURN = "long-prompt", "multi-turn"
SIGNED_IN, ANONYMOUS = "signed-in", "anonymous"
LANGUAGE, TAG = "language-", "tag-"

LONG_PROMPT_WORDS = 200
LEAST_PROBABILITY = 0.8
# What py3langid is asked to tell apart: the fewer, the surer it is of short prompts.
LANGUAGES = {
    "ar": "Arabic", "bg": "Bulgarian", "bn": "Bengali", "cs": "Czech", "da": "Danish",
    "de": "German", "el": "Greek", "en": "English", "es": "Spanish", "et": "Estonian",
    "fa": "Persian", "fi": "Finnish", "fr": "French", "he": "Hebrew", "hi": "Hindi",
    "hr": "Croatian", "hu": "Hungarian", "id": "Indonesian", "it": "Italian", "ja": "Japanese",
    "ko": "Korean", "lt": "Lithuanian", "lv": "Latvian", "ms": "Malay", "nl": "Dutch",
    "no": "Norwegian", "pl": "Polish", "pt": "Portuguese", "ro": "Romanian", "ru": "Russian",
    "sk": "Slovak", "sl": "Slovenian", "sr": "Serbian", "sv": "Swedish", "sw": "Swahili",
    "ta": "Tamil", "th": "Thai", "tr": "Turkish", "uk": "Ukrainian", "ur": "Urdu",
    "vi": "Vietnamese", "zh": "Chinese",
}  # fmt: skip
EXPLAINED = {
    CODING: "A prompt of the library's category, a code block anywhere in the battle, or a prompt "
    "that names a programming language or a programmer's task.",
    MATHS: "A prompt of the library's category, or one with LaTeX, an equation or a term such as "
    "derivative, probability or theorem.",
    LONG_PROMPT: f"The prompts have {LONG_PROMPT_WORDS} words or more together.",
    MULTI_TURN: "The battle has two turns or more.",
    SIGNED_IN: "The rater had an account.",
    ANONYMOUS: "The rater had none.",
    LANGUAGE: "The language of the prompts without their code blocks, if py3langid tells it with a "
    f"probability of at least {LEAST_PROBABILITY:.0%}: a prompt that is too short has none.",
    TAG: "A tag that an operator gave the prompt.",
}

_FENCE = re.compile(
    r"^ {0,3}(`{3,}|~{3,})[^\n]*\n.*?(?:^ {0,3}\1[`~]* *$|\Z)", re.MULTILINE | re.DOTALL
)
_CODE = re.compile(
    r"\b(?:python|javascript|typescript|java|kotlin|golang|rust|haskell|ruby|php|perl|bash|sql|html"
    r"|css|regex|regular expression|dockerfile|git|django|pandas|numpy|pytest|api"
    r"|stack ?trace|traceback|segfault|compilers?|unit tests?|refactor|debug|source code"
    r"|shell command|command line|for loop|commit message|def \w+\(.*\):"
    r"|(?:write|implement|fix|define) (?:a|an|the|this|my) (?:\w+ )?"
    r"(?:function|method|class|script|program|query|loop))\b|[cC]\+\+|\bC#",
    re.IGNORECASE,
)
_MATHS = re.compile(
    r"\\(?:frac|sqrt|sum|int|lim|begin|times|cdot|pi)\b|\$[^$\n]*[\\^_=+][^$\n]*\$"
    r"|\d\s*[+*×÷^]\s*\d|\d [-/] \d|\b[a-z]\s*(?:\^\s*\d\s*)?[+=]\s*\d|\d\s*[a-z]?\s*=\s*[a-z\d]\b"
    r"|\d\s?(?:%|percent\b)"
    r"|\b(?:derivative|integral|(?<!chemical )equations?|polynomial|theorem|prove that|probability"
    r"|matrix|eigenvalues?|logarithm|trigonometry|geometry|algebra|calculus|arithmetic|fractions?|median"
    r"|denominator|remainder|triangle|perimeter|radius|multipl(?:y|ied|ying)|prime numbers?"
    r"|square root|divisible|average speed"
    r"|how many (?:\w+ ){1,2}(?:are left|are there|do you need))\b",
    re.IGNORECASE,
)


class _Identifier(Protocol):
    def classify(self, text: str) -> tuple[str, float]: ...

    def set_languages(self, langs: list[str]) -> None: ...


def categories_of(vote: DecidedVote) -> tuple[str, ...]:
    """The categories of a vote that was read with its texts, besides `overall`."""
    asked = "\n".join(vote.prompts)
    prose = _FENCE.sub(" ", asked)
    answers = (text for response in vote.responses for text in response.texts)
    found = {vote.category, *(TAG + tag for tag in vote.tags)}
    if _CODE.search(prose) or any(map(_FENCE.search, (asked, *answers))):
        found.add(CODING)
    if _MATHS.search(prose):
        found.add(MATHS)
    if len(asked.split()) >= LONG_PROMPT_WORDS:
        found.add(LONG_PROMPT)
    if len(vote.prompts) > 1:
        found.add(MULTI_TURN)
    if vote.signed_in is not None:
        found.add(SIGNED_IN if vote.signed_in else ANONYMOUS)
    if language := language_of(prose):
        found.add(LANGUAGE + language)
    return tuple(sorted(found - {"", OVERALL}))


def language_of(text: str) -> str:
    """Its code of ISO 639-1, or nothing if that cannot be told."""
    if not any(map(str.isalpha, text)):
        return ""
    language, probability = _identifier().classify(text)
    return language if probability >= LEAST_PROBABILITY else ""


def label(category: str) -> str:
    """A category in a reader's words."""
    if category.startswith(LANGUAGE):
        code = category.removeprefix(LANGUAGE)
        return LANGUAGES.get(code, code)
    if category.startswith(TAG):
        return f"#{category.removeprefix(TAG)}"
    return category.replace("-", " ").capitalize()


@cache
def _identifier() -> _Identifier:
    # Imported on first use: the model takes most of a second.
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier: _Identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(list(LANGUAGES))
    return identifier
