"""What is printed to be copied is read back by a shell and by Python, whatever a system is called."""

import ast
import shlex

import pytest

from aatviz.attacks.settings import AttackSettings
from aatviz.explore import snippets
from aatviz.explore.attack_grid.result import CompareSettings
from aatviz.explore.generation.result import GenerateSettings
from aatviz.runtime.printed import command, loaded
from aatviz.thresholds import snippets as of_thresholds
from aatviz.thresholds.choose import Costs

NAMES = ["pets-linf-8", "my pets", 'a "quoted" folder', "C:\\runs\\new", "it's $HOME; ls", "Füße"]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_reaches_the_command_and_the_program_as_it_is(name: str) -> None:
    attack, grid, images = AttackSettings(), CompareSettings(targets=(1, 3)), GenerateSettings()
    commands = [
        snippets.attack_command(name, attack, 0),
        snippets.comparison_command(name, grid),
        snippets.generation_command(name, images),
        of_thresholds.command(name, [0.5, -1.0]),
        of_thresholds.choice_command(name, "generative", Costs(), each=True),
    ]
    for line in commands:
        assert shlex.split(line)[2] == name
    programs = [
        snippets.attack_code(name, attack, 0),
        snippets.comparison_code(name, grid),
        snippets.generation_code(name, images),
        of_thresholds.python_code(name, 0.5),
        of_thresholds.choice_code(name, "generative", 0.01, None),
    ]
    for program in programs:
        calls = [node for node in ast.walk(ast.parse(program)) if isinstance(node, ast.Call)]
        (call,) = (node for node in calls if isinstance(node.func, ast.Attribute) and node.func.attr == "load_system")
        assert ast.literal_eval(call.args[0]) == name


def test_options_are_written_as_the_command_line_takes_them() -> None:
    line = command("compare", "x", models=("a", "b"), step_size=0.01, random_start=True, each=False, digit=None)
    assert line == "aatviz compare x --models a,b --step-size 0.01 --random-start"


def test_no_data_set_is_named() -> None:
    for code in (snippets.attack_code("pets", AttackSettings(), 3), snippets.comparison_code("pets", CompareSettings())):
        assert "mnist" not in code
    assert loaded("pets") == 'aatviz.load_system("pets")'
