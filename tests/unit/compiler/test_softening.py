from compiler.adapters.rule_files import load_rules
from compiler.domain.softening import soften

RULES = load_rules().softer


def test_words_that_filters_stumble_over_are_said_otherwise() -> None:
    softer = soften("Two knights fight. Blood on the snow, a bloody sword.", RULES, max_chars=500)
    assert softer == "Two knights choreographed stage contest. Red paint on the snow, a red paint sword."


def test_a_harmless_prompt_has_no_softer_wording() -> None:
    assert soften("A ceramic cup on a walnut desk, slow dolly-in.", RULES, max_chars=500) == ""


def test_parts_of_words_are_left_alone() -> None:
    assert soften("A gunmetal car in a warm, bombastic light", RULES, max_chars=500) == ""


def test_the_softer_wording_keeps_to_the_models_limit() -> None:
    assert len(soften("a gun " * 50, RULES, max_chars=80)) <= 80


def test_softening_twice_changes_nothing_more() -> None:
    once = soften("A battle with guns, explosions and blood", RULES, max_chars=500)
    assert soften(once, RULES, max_chars=500) == ""
