"""Which values of a configuration are secret, and text in which they are not shown.

A setting is secret by its name. The name is cut into words at dots, dashes, underscores and capitals; it is secret if one of its
words is in SECRET_WORDS: `fs.s3a.secret.key`, `access_key` and `sasToken` are, `monkey` and `tokenizer` are not. Only `spark:` has
names of the user's own that may be secret: a column or a factor that is called `key` is shown.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

MASK = "***"
SECRET_WORDS = frozenset(
    {
        "secret", "secrets", "key", "keys", "token", "tokens", "password", "passwords", "passwd", "pwd", "passphrase", "credential",
        "credentials", "accesskey", "accountkey", "apikey", "privatekey", "secretkey", "sharedkey", "keyid", "sastoken",
    }
)  # fmt: skip
SHORTEST = 4  # characters of a secret that is looked for in text: a shorter one stands there by chance
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_IN_URI = re.compile(r"(?<=://)[^/\s'\"@:]+:[^/\s'\"@]+(?=@)")  # a user and a password before the host
_IN_QUERY = re.compile(r"(?<=[?&;])([\w.-]+)=([^&;\s'\"]+)")


def is_secret(name: str) -> bool:
    """Whether the value of a setting of this name is secret."""
    return any(word.lower() in SECRET_WORDS for word in _WORD.findall(name))


def masked(text: str, secrets: Collection[str] = ()) -> str:
    """The text without these secrets, and without the passwords, keys and signatures of URIs in it."""
    for secret in sorted(secrets, key=len, reverse=True):  # one may be a part of another
        if len(secret) >= SHORTEST:
            text = text.replace(secret, MASK)
    text = _IN_URI.sub(MASK, text)
    return _IN_QUERY.sub(lambda found: f"{found[1]}={MASK}" if is_secret(found[1]) or found[1] == "sig" else found[0], text)


def masked_values(value: Any, secrets: Collection[str] = ()) -> Any:
    """Plain values of mappings and lists, each text masked."""
    if isinstance(value, Mapping):
        return {name: masked_values(inner, secrets) for name, inner in value.items()}
    if isinstance(value, list):
        return [masked_values(inner, secrets) for inner in value]
    return masked(value, secrets) if isinstance(value, str) else value


def secret_settings(settings: Mapping[str, object]) -> Iterator[str]:
    """The values of those settings whose names are secret, as text."""
    return (str(value) for name, value in settings.items() if is_secret(name))
