"""C2PA manifests as we write them: what made the file, what it was made from, and what was done. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

TRAINED_ALGORITHMIC_MEDIA = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
PARENT = "parent"
GENERATION = "org.dailies.generation"
GENERATOR = "Dailies"

Json = dict[str, Any]


def manifest_of(
    title: str, media_type: str, *, steps: Sequence[str], version: str, generation: Mapping[str, Any], has_parent: bool
) -> Json:
    """Write the definition of one manifest.

    Args:
        title: Name of the file.
        media_type: Of the file.
        steps: What was done to the parent, as C2PA names actions; none: it is carried over as it is.
        version: Of this program.
        generation: Who rendered it: vendor, model, seed, job and clip; no prompt.
        has_parent: The file that it was made from stands in the manifest. Some containers cannot be an ingredient.
    """
    first: Json = {"action": "c2pa.opened" if has_parent else "c2pa.created"}
    first["digitalSourceType"] = TRAINED_ALGORITHMIC_MEDIA
    if has_parent:
        first["parameters"] = {"ingredientIds": [PARENT]}
    return {
        "claim_generator_info": [{"name": GENERATOR, "version": version}],
        "title": title,
        "format": media_type,
        "assertions": [
            {"label": "c2pa.actions.v2", "data": {"actions": [first, *({"action": step} for step in steps)]}},
            {"label": GENERATION, "data": dict(generation)},
        ],
    }


def parent_of(title: str) -> Json:
    """Write the ingredient that the first action opens."""
    return {"title": title, "relationship": "parentOf", "label": PARENT}


def told(manifest_store: Mapping[str, Any]) -> Json:
    """Sum up what a file's manifests tell: who signed the active one, its source types, its chain of parents."""
    manifests: Mapping[str, Any] = manifest_store.get("manifests", {})
    label = manifest_store.get("active_manifest", "")
    active = manifests.get(label, {})
    return {
        "label": label,
        "title": active.get("title", ""),
        "signed_by": active.get("signature_info", {}).get("common_name", ""),
        "issuer": active.get("signature_info", {}).get("issuer", ""),
        "claim_generator": ", ".join(each.get("name", "") for each in active.get("claim_generator_info", ())),
        "digital_source_types": source_types(active),
        "n_manifests": len(manifests),
    }


def source_types(manifest: Mapping[str, Any]) -> list[str]:
    """List the digital source types that a manifest's actions name."""
    named = {
        action["digitalSourceType"]
        for assertion in manifest.get("assertions", ())
        if str(assertion.get("label", "")).startswith("c2pa.actions")
        for action in assertion.get("data", {}).get("actions", ())
        if "digitalSourceType" in action
    }
    return sorted(named)
