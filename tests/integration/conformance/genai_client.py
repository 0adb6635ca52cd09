"""Google's client, used as its samples do, in a process of its own: two versions of it cannot live in one.

Reads a list of requests as JSON from standard input, writes the answers to standard output; `test_google_genai.py`
runs it.
"""

import json
import sys
import time

from google import genai
from google.genai import errors, types
from google.oauth2.credentials import Credentials


def opened(ask):
    options = types.HttpOptions(base_url=ask["base_url"])
    if ask["dialect"] == "gemini":
        return genai.Client(api_key=ask["key"], http_options=options)
    return genai.Client(
        vertexai=True,
        project="film",
        location="us-central1",
        credentials=Credentials(token=ask["key"]),
        http_options=options,
    )


def image(picture):
    return types.Image(image_bytes=bytes.fromhex(picture), mime_type="image/png")


def config(ask):
    fields = dict(ask.get("config", {}))
    if "last_frame" in fields:
        fields["last_frame"] = image(fields["last_frame"])
    if "reference_images" in fields:
        fields["reference_images"] = [
            types.VideoGenerationReferenceImage(image=image(picture), reference_type="asset")
            for picture in fields["reference_images"]
        ]
    return types.GenerateVideosConfig(**fields)


def generate(client, ask):
    first_frame = ask.get("image")
    operation = client.models.generate_videos(
        model=ask["model"],
        source=types.GenerateVideosSource(
            prompt=ask["prompt"], image=None if first_frame is None else image(first_frame)
        ),
        config=config(ask),
    )
    while not operation.done:
        time.sleep(0.1)
        operation = client.operations.get(operation)
    answer = {"name": operation.name, "error": operation.error}
    videos = (operation.response.generated_videos or []) if operation.response else []
    reasons = operation.response.rai_media_filtered_reasons if operation.response else None
    if ask["dialect"] == "gemini":
        for video in videos:
            client.files.download(file=video.video)
    return answer | {"heads": [video.video.video_bytes[4:8].decode() for video in videos], "reasons": reasons}


def answered(client, ask):
    try:
        return generate(client, ask)
    except errors.APIError as error:
        return {"raised": [error.code, error.status]}


def main():
    asks = json.load(sys.stdin)
    client = opened(asks[0])
    json.dump({"version": genai.__version__, "answers": [answered(client, ask) for ask in asks]}, sys.stdout)


if __name__ == "__main__":
    main()
