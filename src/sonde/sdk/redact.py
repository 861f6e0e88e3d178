"""Takes secrets out of log fields and span attributes before they leave the process.

Two tables decide: ``SENSITIVE_KEYS`` (a value is hidden because of its name) and ``PATTERNS`` (a part of a text is
hidden because of its shape). ``configure(redact_keys=..., redact_patterns=...)`` adds to both. Called by
``logs.journal`` for log lines and by ``wire`` for everything else, on the sender's thread.

Cheap: names are judged once, short texts that were found clean are remembered, and a pattern's regular expression runs
only where one of its literal hints occurs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

MARK = "[redacted]"
_MAX_DEPTH = 8
_REMEMBERED_TEXTS = 8192
_REMEMBERED_LENGTH = 256
_NUMBERS = frozenset({int, float, bool, type(None)})


@dataclass(frozen=True, slots=True, eq=False)  # compared and hashed by identity
class Pattern:
    """A shape that secrets have. Without one of the lower-case ``hints`` it cannot occur; no hints: always try."""

    name: str
    regex: re.Pattern[str]
    hints: tuple[str, ...] = ()
    replacement: str | Callable[[re.Match[str]], str] = MARK


def _card(match: re.Match[str]) -> str:
    digits = re.sub(r"\D", "", match[0])
    return MARK if _ISSUED.match(digits) and _luhn(digits) else match[0]


def _luhn(digits: str) -> bool:
    """Whether the check digit is right.

    >>> _luhn("4111111111111111"), _luhn("4111111111111112")
    (True, False)
    """
    total = 0
    for position, digit in enumerate(reversed(digits)):
        number = int(digit) * (1 + position % 2)
        total += number if number < 10 else number - 9
    return total % 10 == 0


# Visa, Mastercard, American Express, Discover, JCB, Diners. Unix times and most ids begin differently.
_ISSUED = re.compile(
    r"(?:4\d{12}(?:\d{3}(?:\d{3})?)?|(?:5[1-5]\d\d|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}|3[47]\d{13}"
    r"|(?:6011|65\d\d|64[4-9]\d)\d{12}|35(?:2[89]|[3-8]\d)\d{12}|3(?:0[0-5]|[68]\d)\d{11})\Z"
)
_I = re.IGNORECASE | re.ASCII
_NAMES = r"(?:password|passwd|passphrase|secret|token|api[_-]?key|access[_-]?key|signature|authorization)"
_NAME_HINTS = ("passw", "passphrase", "secret", "token", "key", "signature", "authorization")

PATTERNS: tuple[Pattern, ...] = (
    Pattern(
        "authorization scheme",
        # "Basic understanding" is English: a credential has a digit, or is longer than words are.
        re.compile(r"\b(bearer|basic)(\s+)(?=[a-z._~+/=-]*\d|[a-z0-9._~+/=-]{24})[a-z0-9._~+/=-]{8,}", _I),
        ("bearer", "basic"),
        rf"\1\2{MARK}",
    ),
    Pattern(
        "header line",
        re.compile(r"\b((?:proxy-)?authorization|(?:set-)?cookie|x-api-key)(\s*:\s*)(?!\[redacted\])[^\r\n\"']+", _I),
        ("authorization", "cookie", "key"),
        rf"\1\2{MARK}",
    ),
    Pattern(
        "assignment",
        re.compile(rf"({_NAMES}=)(?!\[redacted\])[^\s&;,\"'<>()\[\]{{}}]+", _I),
        _NAME_HINTS,
        rf"\1{MARK}",
    ),
    Pattern(
        "quoted field",
        re.compile(rf"({_NAMES}(\\?[\"'])\s*:\s*\2)(?!\[redacted\]).+?(?=\2)", _I),
        _NAME_HINTS,
        rf"\1{MARK}",
    ),
    Pattern("password in a URL", re.compile(r"(://[^/\s:@]*:)(?!\[redacted\]@)[^/\s@]+@"), ("://",), rf"\1{MARK}@"),
    Pattern(
        "OpenAI, Anthropic, Stripe key",
        re.compile(r"\b[sr]k[-_](?=[A-Za-z_-]*\d)[A-Za-z0-9_-]{16,}"),
        ("sk-", "sk_", "rk-", "rk_"),
    ),
    Pattern("Sonde key", re.compile(r"\bsonde_[A-Za-z0-9_-]{16,}"), ("sonde_",)),
    Pattern("AWS access key id", re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"), ("akia", "asia")),
    Pattern(
        "GitHub token",
        re.compile(r"\b(?:gh[pousr]|github_pat)_[A-Za-z0-9_]{20,}"),
        ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"),
    ),
    Pattern("Google API key", re.compile(r"\bAIza[A-Za-z0-9_-]{30,}"), ("aiza",)),
    Pattern("Slack token", re.compile(r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}"), ("xox",)),
    Pattern("JSON web token", re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{4,}"), ("eyj",)),
    Pattern(
        "private key",
        re.compile(r"-----BEGIN ([A-Z ]*)PRIVATE KEY-----.*?(?:-----END \1PRIVATE KEY-----|\Z)", re.DOTALL),
        ("private key-----",),
    ),
    Pattern("card number", re.compile(r"(?<![\w.])\d(?:[ -]?\d){12,18}(?![\w.]?\d|\w)"), (), _card),
)

# Judged on the last part of a dotted name, in lower case with "-" as "_". A suffix is enough: "client_secret",
# "apiKey".
SENSITIVE_KEYS: tuple[str, ...] = (
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "api_?key",
    "access_?key",
    "secret_?key",
    "private_?key",
    "authorization",
    "cookies?",
    "credentials?",
    "card_?number",
    "(?:^|_)(?:pwd|cvv|cvc|ssn|iban)",
)


class Redactor:
    """Applies the two tables. Gives back the very same object when there was nothing to hide, so callers can ask
    ``is``.

    >>> redactor = Redactor()
    >>> redactor.text("Authorization: Bearer abc.def.ghi-123")
    'Authorization: [redacted]'
    >>> redactor.value("user", {"name": "ada", "password": "lovelace"})
    {'name': 'ada', 'password': '[redacted]'}
    >>> redactor.value("gen_ai.usage.input_tokens", 12)
    12
    """

    def __init__(self, keys: Iterable[str] = (), patterns: Iterable[Pattern] = ()) -> None:
        self._key = re.compile(f"(?:{'|'.join((*SENSITIVE_KEYS, *keys))})\\Z", _I)
        self._patterns = (*PATTERNS, *patterns)
        self._always = frozenset(pattern for pattern in self._patterns if not pattern.hints)
        self._hints = [(hint, pattern) for pattern in self._patterns for hint in pattern.hints]
        self._verdicts: dict[str, bool] = {}
        self._clean: set[str] = set()

    def is_sensitive(self, key: str) -> bool:
        """Whether a value must be hidden for its name alone.

        >>> [Redactor().is_sensitive(key) for key in ("http.request.header.set-cookie", "apiKey", "max_tokens")]
        [True, True, False]
        """
        verdict = self._verdicts.get(key)
        if verdict is None:
            if len(self._verdicts) >= _REMEMBERED_TEXTS:
                self._verdicts.clear()
            verdict = self._verdicts[key] = bool(self._key.search(key.rpartition(".")[2].replace("-", "_")))
        return verdict

    def text(self, text: str) -> str:
        """The text with every known shape of secret in it hidden."""
        if text in self._clean:
            return text
        lower = text.lower()
        hinted = {pattern for hint, pattern in self._hints if hint in lower} | self._always
        result = text
        for pattern in self._patterns if len(hinted) > len(self._always) else self._always:
            if pattern in hinted:
                result = pattern.regex.sub(pattern.replacement, result)
        if result != text:
            return result
        if len(text) <= _REMEMBERED_LENGTH:
            if len(self._clean) >= _REMEMBERED_TEXTS:
                self._clean.clear()
            self._clean.add(text)
        return text

    def value(self, key: str, value: object, depth: int = 0) -> object:
        """The value of a field, hidden whole when its name is sensitive, else cleaned in depth.

        Numbers under a name like ``time_to_first_token`` stay: a token that is a number is a count.
        """
        if value is None or value is True or value is False:
            return value
        if self.is_sensitive(key) and not (isinstance(value, int | float) and key.lower().endswith("token")):
            return MARK
        kind = type(value)
        if kind is str:
            return self.text(value)  # type: ignore[arg-type]
        if kind is int or kind is float:
            return value
        return self._nested(value, depth)

    def mapping(self, fields: Mapping[str, object], depth: int = 0) -> Mapping[str, object]:
        """All fields cleaned; the same mapping if none needed it."""
        changed: dict[str, object] | None = None
        verdicts, clean = self._verdicts, self._clean
        for key, value in fields.items():
            kind = type(value)
            if verdicts.get(key) is False and (value in clean if kind is str else kind in _NUMBERS):
                continue  # most fields of most spans: name and value have been seen before
            cleaned = self.value(key if type(key) is str else str(key), value, depth)
            if cleaned is not value:
                changed = dict(fields) if changed is None else changed
                changed[key] = cleaned
        return fields if changed is None else changed

    def _nested(self, value: object, depth: int) -> object:
        if depth >= _MAX_DEPTH:
            return MARK
        match value:
            case str():
                return self.text(str(value))
            case Mapping():
                return self.mapping(value, depth + 1)
            case bytes() | bytearray():
                return value
            case Sequence():
                cleaned = [self.value("", item, depth + 1) for item in value]
                return value if all(new is old for new, old in zip(cleaned, value, strict=True)) else cleaned
        return value
