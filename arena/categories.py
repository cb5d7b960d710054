"""What a vote was about, how it went and who cast it: the categories that it counts in.

The rules are plain and stated here, so that anybody can say why a vote is in a category. The
methodology page shows `EXPLAINED`.
"""

import re
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Protocol

from django.utils.text import format_lazy
from django.utils.translation import (
    get_language_info,
    gettext,
    gettext_lazy,
    gettext_noop,
    pgettext_lazy,
)

from arena.selectors import DecidedVote

OVERALL = "overall"
CODING, MATHS = "coding", "maths"  # the prompt library has categories of the same names
LONG_PROMPT, MULTI_TURN = "long-prompt", "multi-turn"
SIGNED_IN, ANONYMOUS = "signed-in", "anonymous"
LANGUAGE, TAG = "language-", "tag-"

LONG_PROMPT_WORDS = 200
LEAST_PROBABILITY = 0.8
# What py3langid is asked to tell apart: the fewer, the surer it is of short prompts. Django's own
# catalogues translate the names, but for three.
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
_CODES = {name.lower(): code for code, name in LANGUAGES.items()} | {
    code: code for code in LANGUAGES
}
_UNKNOWN_TO_DJANGO = [gettext_noop("Chinese"), gettext_noop("Malay"), gettext_noop("Norwegian")]
# What the arena's own categories and those of its prompt library are called.
NAMES = {
    OVERALL: gettext_lazy("Overall"),
    CODING: gettext_lazy("Coding"),
    MATHS: gettext_lazy("Maths"),
    LONG_PROMPT: gettext_lazy("Long prompt"),
    MULTI_TURN: gettext_lazy("Multi turn"),
    SIGNED_IN: gettext_lazy("Signed in"),
    ANONYMOUS: gettext_lazy("Anonymous"),
    "everyday": gettext_lazy("Everyday"),
    "extraction": gettext_lazy("Extraction"),
    "reasoning": gettext_lazy("Reasoning"),
    "roleplay": gettext_lazy("Roleplay"),
    "science": gettext_lazy("Science"),
    "writing": pgettext_lazy("category", "Writing"),
}
EXPLAINED = {
    CODING: gettext_lazy(
        "A prompt of the library's category, a code block anywhere in the battle, or a prompt "
        "that names a programming language or a programmer's task."
    ),
    MATHS: gettext_lazy(
        "A prompt of the library's category, or one with LaTeX, an equation or a term such as "
        "derivative, probability or theorem."
    ),
    LONG_PROMPT: format_lazy(
        gettext_lazy("The prompts have {words} words or more together."), words=LONG_PROMPT_WORDS
    ),
    MULTI_TURN: gettext_lazy("The battle has two turns or more."),
    SIGNED_IN: gettext_lazy("The rater had an account."),
    ANONYMOUS: gettext_lazy("The rater had none."),
    LANGUAGE: format_lazy(
        gettext_lazy(
            "The language of the prompts without their code blocks, if py3langid tells it with a "
            "probability of at least {least}: a prompt that is too short has none. An imported "
            "vote has the language that its file names."
        ),
        least=f"{100 * LEAST_PROBABILITY:.0f} %",
    ),
    TAG: gettext_lazy("A tag that an operator gave the prompt."),
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
    found = categories_told(
        vote.prompts,
        [text for response in vote.responses for text in response.texts],
        category=vote.category,
        tags=vote.tags,
        language=vote.language,
    )
    if vote.signed_in is None:
        return found
    return tuple(sorted({*found, SIGNED_IN if vote.signed_in else ANONYMOUS}))


def categories_told(
    prompts: Sequence[str],
    answers: Iterable[str],
    *,
    category: str = "",
    tags: Iterable[str] = (),
    language: str = "",
) -> tuple[str, ...]:
    """The categories that the texts themselves tell, and what else is known of the battle.

    category: of the prompt library, or empty. language: as a file calls it; else it is detected.
    """
    asked = "\n".join(prompts)
    prose = _FENCE.sub(" ", asked)
    found = {category, *(TAG + tag for tag in tags)}
    if _CODE.search(prose) or any(map(_FENCE.search, (asked, *answers))):
        found.add(CODING)
    if _MATHS.search(prose):
        found.add(MATHS)
    if len(asked.split()) >= LONG_PROMPT_WORDS:
        found.add(LONG_PROMPT)
    if len(prompts) > 1:
        found.add(MULTI_TURN)
    if code := _code_of(language) or language_of(prose):
        found.add(LANGUAGE + code)
    return tuple(sorted(found - {"", OVERALL}))


def language_of(text: str) -> str:
    """Its code of ISO 639-1, or nothing if that cannot be told."""
    if not any(map(str.isalpha, text)):
        return ""
    language, probability = _identifier().classify(text)
    return language if probability >= LEAST_PROBABILITY else ""


def _code_of(language: str) -> str:
    """The code of a language that a file names in English or by its code, else nothing."""
    said = language.lower()
    return _CODES.get(said) or _CODES.get(re.split("[-_]", said)[0], "")


def label(category: str) -> str:
    """A category in a reader's words."""
    if category.startswith(LANGUAGE):
        return language_name(category.removeprefix(LANGUAGE))
    if category.startswith(TAG):
        return f"#{category.removeprefix(TAG)}"
    if category in NAMES:
        return str(NAMES[category])
    return category.replace("-", " ").capitalize()


def language_name(code: str) -> str:
    """A language in a reader's words; its code where there is no name for it."""
    if code in LANGUAGES:
        return gettext(LANGUAGES[code])
    try:
        return str(get_language_info(code)["name_translated"])
    except KeyError:
        return code


@cache
def _identifier() -> _Identifier:
    # Imported on first use: the model takes most of a second.
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier: _Identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(list(LANGUAGES))
    return identifier
