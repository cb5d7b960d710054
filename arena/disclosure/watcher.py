"""Reads a response word by word and notices where it names its maker or model."""

import re
from collections.abc import Iterable
from functools import lru_cache

from arena.disclosure.masking import MASK, Span
from arena.disclosure.words import (
    AFTER_CAPITALISED,
    BEGINNING,
    CUES,
    END,
    ENDING,
    FILLERS,
    JOINERS,
    MARKUP,
    ONLY_MODELS,
    SENTENCE_ENDS,
    SUFFIXES,
    TAILS,
    TOKEN,
    Cue,
    Trie,
    fold,
    names,
    stem,
)

# So many words may stand between "I am" and the name.
REACH = 10
# A longer word is no name, and waiting for its end would cost the square of its length.
WORD_MAX_CHARS = 80
# Markup after a name is waited through no further than this.
TAIL_MAX_CHARS = 40
_NUMBER = re.compile(r"\d")


class Watcher:
    """`feed` takes the text in any pieces and gives it back with names masked, later by no more
    than a name and the few words after it. `spans` are the names found so far. The cost is linear
    in the length of the text, whatever the pieces.

    `own` are the contender's names; common words among them are passed over.
    """

    def __init__(self, own: Iterable[str] = ()) -> None:
        self._names, self._beginnings = _names(tuple(own))
        self.spans: list[Span] = []
        self._cues: list[Trie] = []  # phrases that have begun
        self._claims = False  # the sentence speaks of the writer
        self._named = False  # and has named it
        self._reach = 0  # how many more words may come before the name
        self._cue = Cue.SELF  # what the last phrase announced
        self._name: Trie | None = None  # a name that has begun, from _start on
        self._start = self._stop = -1  # _stop: the end of the longest name so far, or -1
        self._joined = ""  # a hyphen or dot that may belong to the name
        self._tail: Trie | None = None  # what must follow the name
        self._doubt: Trie | None = None  # how much of that is still to come after a whole name
        self._read = 0  # characters that were read as whole words
        self._unread = ""  # what follows them
        self._held = ""  # text that was not given back yet, from _given on
        self._given = 0
        self._masked = 0  # spans that were given back as masks
        self._begin_sentence()

    def feed(self, text: str) -> str:
        """Takes more text; returns what can be shown."""
        self._held += text
        self._words(self._unread + text, last=False)
        return self._give(self._safe())

    def finish(self) -> str:
        """The text has ended; returns the rest of what can be shown."""
        self._words(self._unread, last=True)
        self._word("\n", self._read, self._read, capital=False)
        return self._give(self._given + len(self._held))

    def _words(self, text: str, *, last: bool) -> None:
        begin = self._read
        folded = fold(text)
        for found in TOKEN.finditer(folded):
            token, end = found.group(), found.end()
            open_end = end == len(folded) and token[-1].isalnum() and not last
            if open_end and len(token) <= WORD_MAX_CHARS and not _single(token):
                self._read, self._unread = begin + found.start(), text[found.start() :]
                return
            capital = text[found.start() : end] != token
            self._word(token, begin + found.start(), begin + end, capital=capital)
        self._read, self._unread = begin + len(text), ""

    def _word(self, token: str, start: int, end: int, *, capital: bool) -> None:
        if self._name is not None:
            if self._goes_on(token, end):
                return
            joined = self._joined
            self._end_name()
            if joined == ".":
                self._begin_sentence()
        settling = self._doubt is not None and self._settles(token, end)
        if token in SENTENCE_ENDS:
            self._begin_sentence()
            return
        looking = not settling and (self._reach or self._named)
        if looking and self._begins(token, start, end, capital=capital):
            self._listen(token)
            return
        introduced = capital and self._reach and self._cue == Cue.SELF
        if self._reach:
            self._reach = self._reach - 1 if token in FILLERS or token in MARKUP else 0
        self._listen(token)
        if introduced:
            self._cues.append(AFTER_CAPITALISED)

    def _begin_sentence(self) -> None:
        self._claims = self._named = False
        self._reach = 0
        self._doubt = None
        self._cues.clear()
        self._listen(BEGINNING)

    def _listen(self, token: str) -> None:
        """Follows the phrases that announce a name."""
        if token in MARKUP or (not self._cues and token not in CUES):
            return
        going = []
        for trie in (*self._cues, CUES):
            below = trie.get(token)
            if isinstance(below, dict):
                going.append(below)
                cue = below.get(END)
                if isinstance(cue, Cue):
                    self._heard(cue)
        self._cues = going

    def _heard(self, cue: Cue) -> None:
        if cue == Cue.BY and not self._claims:
            return
        self._claims = self._claims or cue not in TAILS
        if cue != Cue.ABOUT:
            self._reach = REACH
            self._cue = cue

    def _begins(self, token: str, start: int, end: int, *, capital: bool) -> bool:
        tail = None if self._named else TAILS.get(self._cue)
        if tail and not capital:  # "As a falcon, I"
            return False
        below = self._names.get(token) or self._names.get(stem(token))
        if not isinstance(below, dict):
            return False
        self._name, self._start, self._stop, self._joined = below, start, -1, ""
        self._tail = tail
        self._reached(below, end)
        return True

    def _goes_on(self, token: str, end: int) -> bool:
        """Whether the token may belong to the name that has begun."""
        assert self._name is not None
        if self._joined == "." and not _NUMBER.search(token):
            return False
        below = self._name.get(token) or self._name.get(stem(token) or token)
        if isinstance(below, dict):
            self._name, self._joined = below, ""
            self._reached(below, end)
            return True
        if token in JOINERS and not self._joined:
            self._joined = token
            return True
        if self._stop >= 0 and (token in SUFFIXES or _NUMBER.search(token)):
            self._stop, self._joined = end, ""
            return True
        return False

    def _reached(self, below: Trie, end: int) -> None:
        needed = below.get(END)
        company = self._named or self._cue not in ONLY_MODELS
        if needed == Cue.SELF or (needed == Cue.MAKER and company):
            self._stop = end

    def _end_name(self) -> None:
        self._name, self._joined, self._reach = None, "", 0
        if self._stop >= 0:
            self._doubt = self._tail
            if self._doubt is None:
                self._disclosed()

    def _settles(self, token: str, end: int) -> bool:
        """Whether the token may belong to what says that the name was the writer's."""
        assert self._doubt is not None
        if token in MARKUP and end - self._stop <= TAIL_MAX_CHARS:
            return True
        below = self._doubt.get(ENDING if token in SENTENCE_ENDS else token)
        self._doubt = below if isinstance(below, dict) else None
        if self._doubt and END in self._doubt:
            self._doubt = None
            self._disclosed()
        return isinstance(below, dict)

    def _disclosed(self) -> None:
        self.spans.append((self._start, self._stop))
        self._claims = self._named = True

    def _safe(self) -> int:
        """Up to here the text can be shown."""
        if self._name is not None or self._doubt is not None:
            return self._start
        if (self._reach or self._named) and self._may_become_a_name(fold(self._unread)):
            return self._read
        return self._given + len(self._held)

    def _may_become_a_name(self, word: str) -> bool:
        return word in self._beginnings or stem(word) in self._names

    def _give(self, upto: int) -> str:
        shown = []
        at = self._given
        for start, end in self.spans[self._masked :]:
            shown += [self._held[at - self._given : start - self._given], MASK]
            at = end
            self._masked += 1
        upto = max(upto, at)
        shown.append(self._held[at - self._given : upto - self._given])
        self._held = self._held[upto - self._given :]
        self._given = upto
        return "".join(shown)


def _single(token: str) -> bool:
    """Whether the token is complete, as a single character of a script without spaces is."""
    return len(token) == 1 and TOKEN.fullmatch(f"{token}a") is None


@lru_cache(maxsize=1_024)
def _names(own: tuple[str, ...]) -> tuple[Trie, frozenset[str]]:
    """The names, and with what their first words begin."""
    trie = names(own)
    return trie, frozenset(word[:length] for word in trie for length in range(1, len(word) + 1))
