"""What is not text in a prompt, named by what it holds: an address, or a hash of the content."""

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

from schema.errors import InputError

#: An image, audio or the like, as message formats carry it.
Media = Any
_ADDRESSES: Final = ("http://", "https://", "file://", "gs://", "s3://")


def media_key(value: Media) -> str:
    """The address of what lies elsewhere; else a hash that is equal if the content is.

    Args:
        value: an address, a `data:` URL, bytes, an image of PIL, an array, or an object that holds
            one of these as `url`, `bytes`, `image` or `path`.

    Raises:
        InputError: if it is none of these.
    """
    if isinstance(value, str):
        return _text_key(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return _hash(bytes(value))
    if isinstance(value, Mapping):
        given = {name: item for name, item in value.items() if item is not None}
        for name in ("url", "bytes", "data", "base64", "image", "path"):
            if name in given and given.keys() <= {name, "detail", "type", "path", "media_type"}:
                return media_key(given[name])
        return _hash(_object_bytes(given))
    if callable(getattr(value, "tobytes", None)):
        size = (
            getattr(value, "mode", getattr(value, "dtype", "")),
            getattr(value, "size", ""),
            getattr(value, "shape", ""),
        )
        return _hash(repr(tuple(str(part) for part in size)).encode() + value.tobytes())
    raise InputError(
        f"an image of type {type(value).__name__}: give an address, bytes or an image of PIL"
    )


def _text_key(text: str) -> str:
    if text.startswith("data:"):
        head, comma, data = text.partition(",")
        if comma and head.endswith(";base64"):
            try:
                return _hash(base64.b64decode(data, validate=True))
            except binascii.Error as error:
                raise InputError(f"a `data:` URL that is not base64 ({error})") from None
        return _hash(text.encode())
    if text.startswith(_ADDRESSES) and not any(c.isspace() for c in text):
        return text
    return _hash(text.encode(errors="surrogatepass"))


def _object_bytes(value: Mapping[str, Any]) -> bytes:
    try:
        return json.dumps(value, sort_keys=True).encode()
    except (TypeError, ValueError) as error:
        raise InputError(f"a content part that is not JSON ({error})") from None


def _hash(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()
