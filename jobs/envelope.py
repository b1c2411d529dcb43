"""Sealed messages in the format of the AWS Encryption SDK; loads it, so this is imported where something is sealed."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from aws_encryption_sdk import CommitmentPolicy, EncryptionSDKClient
from aws_encryption_sdk.exceptions import ActionNotAllowedError, AWSEncryptionSDKClientError, DecryptKeyError
from aws_encryption_sdk.identifiers import Algorithm, EncryptionKeyType, WrappingAlgorithm
from aws_encryption_sdk.internal.crypto import WrappingKey
from aws_encryption_sdk.key_providers.base import MasterKeyProvider, MasterKeyProviderConfig
from aws_encryption_sdk.key_providers.kms import KMSMasterKey
from aws_encryption_sdk.key_providers.raw import RawMasterKey, RawMasterKeyConfig
from botocore.exceptions import BotoCoreError, ClientError

from jobs.errors import UdaError
from jobs.keys import PROVIDER, LocalKey, shown

KMS = "aws-kms"
# Committed: else one message could open as two texts with two keys. Not signed: ECDSA takes ten times as long, and who
# may seal is who has the wrapping key.
SUITE = Algorithm.AES_256_GCM_HKDF_SHA512_COMMIT_KEY
FRAME = 64 << 10  # bytes that are authenticated together
MOST_KEYS = 16  # wrapped data keys of a message; each may be one question to KMS
LARGEST = 256 << 20  # bytes of a message: it is held in memory, for nothing of it counts before its end is proved
BEHIND_ID = 20  # bytes that a local key's entry has behind its id: lengths of tag and IV, and the IV
# What KMS says where this key is not to be had for this account, in its words; the dump may be in order.
NOT_TO_BE_HAD = ("AccessDeniedException", "DisabledException", "KMSInvalidStateException", "NotFoundException")
# What it says where the data key was not wrapped by it, or for another context.
NOT_ITS_OWN = ("InvalidCiphertextException", "IncorrectKeyException")
KeyName = tuple[str, str]  # provider, and key id
NOT_SEALED = "it is no sealed message; seal it with uda seal, or land it without .enc"
NOT_COMMITTED = f"it was sealed without key commitment; seal it with the suite {SUITE.name}"
CHANGED = "it was changed or cut off since it was sealed; land it anew under another name"
WRONG_KEY = "does not open it: it was sealed with another key of this id, or changed since"


class UnsealError(Exception):
    """The message does not open; says why in one sentence."""


class NoKeyError(Exception):
    """No key that may be used opens the message; says which it needs."""


@dataclass(frozen=True)
class Unsealed:
    """What a message held, its authenticated context, and the key that opened it."""

    content: bytes = field(repr=False)
    context: Mapping[str, str]
    key: KeyName


def seal(content: bytes, master: Any, context: Mapping[str, str]) -> bytes:
    """A message that holds the content.

    Raises
    ------
    UdaError
        KMS gives no data key.
    """
    try:
        options = {"algorithm": SUITE, "frame_length": FRAME, "encryption_context": dict(context)}
        message, _ = _client().encrypt(source=content, key_provider=master, **options)
    except (BotoCoreError, AWSEncryptionSDKClientError) as error:
        raise UdaError(f"KMS gives no data key: {_said(error)}; see key id, permission and AWS settings") from None
    return bytes(message)


def unseal(message: bytes, masters_for: Callable[[Mapping[str, str]], Mapping[KeyName, Callable[[], Any]]]) -> Unsealed:
    """What a message holds, all of it authenticated.

    Parameters
    ----------
    masters_for : callable
        For an encryption context, which is not proved yet: the keys that may be used, by name, and how to get each.

    Raises
    ------
    UnsealError
        It is no such message, was changed or cut off, or the key is another one of that id.
    NoKeyError
        None of the keys that may be used wrapped its data key.
    UdaError
        KMS can't be asked; the message may be in order.
    """
    if not message:
        raise UnsealError("the file has no byte; write it elsewhere, then rename it into place")
    if len(message) > LARGEST:
        raise UnsealError(f"it has more than {LARGEST >> 20} MiB; land it in parts")
    chosen = _Chosen()
    chosen.masters_for = masters_for
    source = io.BytesIO(message)
    try:
        stream = _client().stream(mode="d", source=source, key_provider=chosen)
        content = stream.read()
        is_whole = not source.read(1)  # what follows the message is authenticated by nothing
        context = dict(stream.header.encryption_context)
        stream.close()
    except (UnsealError, NoKeyError, UdaError):
        raise
    except ActionNotAllowedError:
        raise UnsealError(NOT_COMMITTED) from None
    except Exception:  # hostile bytes: the SDK raises whatever its parsers run into, and may quote what it read
        raise UnsealError(CHANGED if message[:1] == b"\x02" else NOT_SEALED) from None
    if not is_whole or chosen.used is None:
        raise UnsealError(CHANGED)
    return Unsealed(content, context, chosen.used)


class _Chosen(MasterKeyProvider):  # type: ignore[misc]  # the SDK has no types
    """Unwraps a data key with the first key that may be used for the message's context."""

    provider_id = "uda"
    _config_class = MasterKeyProviderConfig
    masters_for: Callable[[Mapping[str, str]], Mapping[KeyName, Callable[[], Any]]]
    used: KeyName | None = None

    def _new_master_key(self, key_id: Any) -> Any:
        raise NotImplementedError("only opens")

    def decrypt_data_key_from_list(
        self, encrypted_data_keys: Sequence[Any], algorithm: Any, encryption_context: Mapping[str, str]
    ) -> Any:
        masters = self.masters_for(encryption_context)
        wrapped = [(_key_name(each), each) for each in encrypted_data_keys]
        failed: UnsealError | None = None
        for name, each in wrapped:
            if name in masters:
                self.used = name
                try:
                    return _unwrapped(masters[name](), name, each, algorithm, encryption_context)
                except UnsealError as error:
                    failed = error
        if failed:
            raise failed
        needed = ", ".join(sorted({shown(key_id) for (_, key_id), _ in wrapped}))
        raise NoKeyError(f"it was sealed with the key {needed}, which is not configured for it under [sealed]")


def _unwrapped(master: Any, name: KeyName, wrapped: Any, algorithm: Any, context: Mapping[str, str]) -> Any:
    try:
        return master.decrypt_data_key(wrapped, algorithm, context)
    except BotoCoreError as error:
        raise UdaError(f"KMS can't be asked for {name[1]}: {_said(error)}; mend that and run again") from None
    except DecryptKeyError as error:
        word = _said(error)
        if word in NOT_TO_BE_HAD:
            raise NoKeyError(f"KMS does not let the key {shown(name[1])} be used: {word}") from None
        if isinstance(error.__cause__, ClientError) and word not in NOT_ITS_OWN:
            raise UdaError(f"KMS can't be asked for {name[1]}: {word}; mend that and run again") from None
        raise UnsealError(f"the key {shown(name[1])} {WRONG_KEY}") from None
    except Exception:  # the entry is hostile bytes too
        raise UnsealError(f"the key {shown(name[1])} {WRONG_KEY}") from None


def _key_name(wrapped: Any) -> KeyName:
    provider = wrapped.key_provider
    key_id = provider.key_info[:-BEHIND_ID] if provider.provider_id == PROVIDER else provider.key_info
    return provider.provider_id, key_id.decode("utf-8", "replace")


def local_master(key: LocalKey) -> Any:
    """A key from a file as the SDK takes it."""
    wrapping = WrappingKey(
        wrapping_algorithm=WrappingAlgorithm.AES_256_GCM_IV12_TAG16_NO_PADDING,
        wrapping_key=key.key,
        wrapping_key_type=EncryptionKeyType.SYMMETRIC,
    )
    return RawMasterKey(config=RawMasterKeyConfig(key_id=key.key_id, provider_id=PROVIDER, wrapping_key=wrapping))


@cache  # its client takes a hundred times as long to make as a question to KMS
def kms_master(key_id: str) -> Any:
    """A key of AWS KMS; where that is, and who asks, is what the usual AWS settings say.

    Raises
    ------
    UdaError
        The settings lack something.
    """
    try:
        return KMSMasterKey(key_id=key_id)
    except (BotoCoreError, ValueError) as error:
        raise UdaError(f"KMS can't be asked for {key_id}: {_said(error)}; see the AWS settings") from None


def _said(error: BaseException) -> str:
    """KMS's own word for what went wrong; of another error its kind, for its text may hold anything."""
    cause = error.__cause__
    if isinstance(cause, ClientError):
        return str(cause.response.get("Error", {}).get("Code", "ClientError"))
    return type(cause or error).__name__


@cache
def _client() -> Any:
    # Their debugging would write data keys, their errors tracebacks of what becomes one reject.
    for library in ("aws_encryption_sdk", "botocore"):
        logging.getLogger(library).setLevel(logging.CRITICAL + 1)
    policy = CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT
    return EncryptionSDKClient(commitment_policy=policy, max_encrypted_data_keys=MOST_KEYS)
