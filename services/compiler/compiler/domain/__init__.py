"""The rules of the compiler, pure: request and catalogue in, prompts or a refusal out."""
