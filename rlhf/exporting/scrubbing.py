"""Replaces what may name or unlock somebody in texts: e-mail addresses, phone numbers, keys. Pure.

    [EMAIL]  local@host.tld, with a top-level domain of letters
    [PHONE]  +49 30 1234567, 0049…; (415) 555-0123, 415-555-0123; 030 12345678: an international
             prefix, an area code in brackets, or a national zero and two groups; 8 to 15 digits
    [KEY]    keys with the prefix of a known issuer (OpenAI, Anthropic, GitHub, GitLab, Slack, AWS,
             Google, Hugging Face, Stripe), JSON web tokens, private keys in PEM, and what stands
             after "api_key =", "password:", "Bearer " and the like

Rules find what looks like these, no more: names and addresses stay, and so does a number that
could as well be a version, a date, an IP address, a hash, a price or a sum. The rules would rather
miss an odd phone number than spoil code and mathematics.
"""

import re
from re import Match, Pattern

_EMAIL = re.compile(
    r"(?<![\w.+%-])[A-Za-z0-9](?:[\w.+%-]{0,63})@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+"
    r"[A-Za-z]{2,24}(?![\w-])"
)
_KEY = re.compile(
    r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----.*?(?:-----END (?:[A-Z]+ )*PRIVATE KEY-----|\Z)"
    r"|\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}"
    r"|\b(?:sk-(?:ant-|proj-)?[A-Za-z0-9_-]{20,}|gh[pousr]_[A-Za-z0-9]{30,}|github_pat_\w{30,}"
    r"|glpat-[\w-]{20,}|xox[abposr]-[\w-]{10,}|(?:AKIA|ASIA)[A-Z0-9]{16}|AIza[\w-]{35}"
    r"|hf_[A-Za-z0-9]{30,}|[sr]k_(?:live|test)_[A-Za-z0-9]{16,})(?![\w-])",
    re.DOTALL,
)
_ASSIGNED = re.compile(
    r"((?i:\b(?:api[_-]?key|secret[_-]?key|access[_-]?token|auth[_-]?token|client[_-]?secret"
    r"|password|passwd)\b[\"']?\s*[:=]\s*|\bBearer\s+)[\"']?)"
    r"(?=[^\s\"']*\d)([A-Za-z0-9+/_.~!$%^&*#@-]{8,}=*)"
)
_PHONE = re.compile(
    r"(?<![\w.,:/=#$€£+-])(?<![-+*/=^] )"
    r"(?:(?:\+|00)[1-9]\d{0,2}[ .-]?(?:\(\d{1,4}\)[ .-]?)?\d{1,4}(?:[ .-]?\d{2,5}){1,4}"
    r"|\([2-9]\d{2}\) ?\d{3}[ .-]\d{4}|[2-9]\d{2}-[2-9]\d{2}-\d{4}"
    r"|\(?0[1-9]\d{1,4}\)?[ /-]\d{3,8}(?:[ -]\d{2,5}){0,3})"
    r"(?![\w%]|[.,:/=^*+-]\d)"
)
_DIGITS = range(8, 16)


class Scrubber:
    """Call it with a text; what was replaced is counted by kind in `counts`."""

    def __init__(self, counts: dict[str, int]) -> None:
        self.counts = counts

    def __call__(self, text: str) -> str:
        text = self._replace(_KEY, text, "key")
        text = _ASSIGNED.sub(self._assigned, text)
        if "@" in text:
            text = self._replace(_EMAIL, text, "email")
        return _PHONE.sub(self._phone, text)

    def _replace(self, pattern: Pattern[str], text: str, kind: str) -> str:
        text, found = pattern.subn(f"[{kind.upper()}]", text)
        if found:
            self._count(kind, found)
        return text

    def _assigned(self, match: Match[str]) -> str:
        self._count("key")
        return f"{match.group(1)}[KEY]"

    def _phone(self, match: Match[str]) -> str:
        if sum(map(str.isdigit, match.group())) not in _DIGITS:
            return match.group()
        self._count("phone")
        return "[PHONE]"

    def _count(self, kind: str, found: int = 1) -> None:
        self.counts[kind] = self.counts.get(kind, 0) + found
