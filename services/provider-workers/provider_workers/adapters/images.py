"""Pictures on the wire."""

import base64

from provider_workers.domain.adapter import Image


def base64_of(image: Image) -> str:
    """Encode a picture as bare base64."""
    return base64.b64encode(image.content).decode()


def data_uri_of(image: Image) -> str:
    """Encode a picture as a `data:` URI."""
    return f"data:{image.media_type};base64,{base64_of(image)}"
