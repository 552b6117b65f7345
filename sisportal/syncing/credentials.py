"""Secrets of connections: encrypted before they reach the database, never shown again."""

import base64
import hashlib

import msgspec
from cryptography.fernet import Fernet, InvalidToken


class SecretsUnreadable(Exception):
    """Stored secrets were encrypted with another key: they have to be entered again."""

    def __init__(self) -> None:
        super().__init__("The stored credentials cannot be read with this SECRET_KEY. Enter them again.")


class Cipher:
    """Encrypts the secrets of connections with a key made from the portal's own secret."""

    def __init__(self, secret_key: str) -> None:
        # The purpose is part of the derivation: the same secret also signs sessions, and must not be the same key.
        digest = hashlib.sha256(b"sisportal connection secrets\0" + secret_key.encode()).digest()
        self.key = base64.urlsafe_b64encode(digest).decode()
        """What a backup keeps, so that the credentials in it can be read where it is restored: it signs no session."""
        self._fernet = Fernet(self.key)

    @classmethod
    def of_key(cls, key: str) -> "Cipher":
        """The cipher with this ``key``. Raises ``ValueError`` where it is none."""
        cipher = cls("")
        cipher.key, cipher._fernet = key, Fernet(key)
        return cipher

    def encrypt(self, secrets: dict[str, str]) -> str:
        """The secrets as text for the database."""
        return self._fernet.encrypt(msgspec.json.encode(secrets)).decode()

    def decrypt(self, stored: str | None) -> dict[str, str]:
        """The secrets again. Raises ``SecretsUnreadable``."""
        if not stored:
            return {}
        try:
            return msgspec.json.decode(self._fernet.decrypt(stored.encode()), type=dict[str, str])
        except InvalidToken as error:
            raise SecretsUnreadable from error
