from collections import Counter

from hypothesis import given
from hypothesis import strategies as st
from router.domain.likeness import N_PERMUTATIONS, WEAK_WORDS, Likeness, likeness_of, similarity, stem, words
from testkit.builders import compiled_prompt, job_requested, prompt_compiled

VOCABULARY = ["red", "blue", "ball", "kite", "kites", "runs", "table", "under", "on", "no", "two"]
told = st.lists(st.sampled_from(VOCABULARY), min_size=1, max_size=30)
weak = st.lists(st.sampled_from(sorted(WEAK_WORDS)), max_size=5)


def seen(*prompt: str) -> Likeness:
    text = " ".join(prompt)
    return likeness_of(job_requested().request, prompt_compiled(prompts=(compiled_prompt("kling", "m", prompt=text),)))


@given(told=told, weak=weak, place=st.integers(0, 30))
def test_weak_words_case_and_punctuation_change_nothing(told: list[str], weak: list[str], place: int) -> None:
    place = min(place, len(told))
    dressed = [*told[:place], *(word.upper() for word in weak), *told[place:]]
    one, other = seen(*told), seen(*(f"{word}," for word in dressed), "!")
    assert (one.near, one.signature) == (other.near, other.signature)


@given(one=told, other=told)
def test_other_words_or_another_number_of_them_are_never_near(one: list[str], other: list[str]) -> None:
    assert (seen(*one).near == seen(*other).near) == (Counter(one) == Counter(other))


@given(one=told, other=told)
def test_similarity_is_symmetric_and_whole_for_the_same_words(one: list[str], other: list[str]) -> None:
    a, b = seen(*one).signature, seen(*other).signature
    assert len(a) == N_PERMUTATIONS
    assert similarity(a, b) == similarity(b, a)
    assert similarity(a, a) == 1.0


@given(text=st.text(max_size=200))
def test_any_text_has_words_and_a_likeness(text: str) -> None:
    assert all(word and word == word.casefold() for word in words(text)) or not text.isascii()
    assert similarity(seen(text).signature, seen(text).signature) == 1.0


def test_signatures_of_another_length_are_not_alike() -> None:
    assert similarity((1, 2), (1,)) == 0.0
    assert similarity((), ()) == 0.0


def test_an_ending_that_changes_no_picture_is_taken_off_and_a_plural_is_not() -> None:
    assert [stem(word) for word in ("rolling", "rolled", "slowly", "kites", "red", "king")] == [
        "roll",
        "roll",
        "slow",
        "kites",
        "red",
        "king",
    ]


def test_the_rendered_words_of_every_model_count() -> None:
    prompts = (compiled_prompt("kling", "m"), compiled_prompt("veo", "n", prompt="a blue ball"))
    both = likeness_of(job_requested().request, prompt_compiled(prompts=prompts))
    assert both.near != likeness_of(job_requested().request, prompt_compiled(prompts=prompts[:1])).near
