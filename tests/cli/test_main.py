import errno
import subprocess
import sys

import click
import pytest

import dreamkeras
from dreamkeras.cli import main as main_module
from dreamkeras.cli.main import COMMANDS, LazyGroup, main
from dreamkeras.errors import DreamkerasError, InputError, MissingPackageError

HEAVY = {"numpy", "rich", "keras", "tensorflow", "jax", "torch", "onnxruntime", "onnx", "pandas", "scipy", "pyarrow", "matplotlib"}


def modules_after(code, env=None):
    """Returns the names of the modules that a new Python process has loaded after `code`."""
    shown = f"import sys\ntry:\n    {code}\nexcept SystemExit: pass\nprint(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", shown], capture_output=True, text=True, check=True, env=env)
    return set(done.stderr.split())


@pytest.fixture
def failing(runner):
    """`failing(error)`: what a group's command that raises `error` comes to."""

    def invoke(error):
        @click.command()
        def command():
            raise error

        group = LazyGroup("dreamkeras")
        group.get_command = lambda ctx, name: command
        return runner.invoke(group, ["predict"])

    return invoke


class TestImports:
    def test_package_imports_nothing(self):
        before = modules_after("pass")
        assert modules_after("import dreamkeras") - before == {"dreamkeras"}

    def test_main_imports_click_and_light_modules_only(self):
        beyond_click = modules_after("import dreamkeras.cli.main") - modules_after("import click")
        foreign = {name for name in beyond_click if name.split(".")[0] not in sys.stdlib_module_names}
        assert foreign == {
            "dreamkeras",
            "dreamkeras.cli",
            "dreamkeras.cli.main",
            "dreamkeras.cli.process",
            "dreamkeras.environment",
            "dreamkeras.errors",
        }

    @pytest.mark.parametrize(
        "args",
        [["--help"], ["predict", "--help"], ["variants", "--help"], ["train", "--help"], ["benchmark", "--help"], ["no-such-command"], []],
    )
    def test_help_loads_nothing_heavy(self, args):
        loaded = modules_after(f"import dreamkeras.cli.main; dreamkeras.cli.main.main({args!r}, prog_name='dreamkeras')")
        assert not loaded & HEAVY

    @pytest.mark.parametrize(
        "words", ["dreamkeras ", "dreamkeras predict --", "dreamkeras predict --device ", "dreamkeras train --backend "]
    )
    def test_completion_loads_nothing_heavy(self, words):
        env = {"_DREAMKERAS_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(len(words.split(" ")) - 1)}
        assert not modules_after("import dreamkeras.cli.main; dreamkeras.cli.main.main(prog_name='dreamkeras')", env) & HEAVY

    def test_top_help_imports_no_command(self):
        loaded = modules_after("import dreamkeras.cli.main; dreamkeras.cli.main.main(['--help'])")
        assert {name for name in loaded if name.startswith("dreamkeras.cli.")} == {"dreamkeras.cli.main", "dreamkeras.cli.process"}

    def test_package_lists_its_names(self):
        assert dir(dreamkeras) == dreamkeras.__all__
        assert all(getattr(dreamkeras, name) for name in dreamkeras.__all__)
        with pytest.raises(AttributeError, match="'dreamkeras' has no attribute 'lod'"):
            dreamkeras.lod  # noqa: B018


class TestHelp:
    def test_help_lists_all_commands(self, run):
        result = run("--help")
        assert result.exit_code == 0
        for name, entry in COMMANDS.items():
            assert name in result.stdout
            assert entry.help in result.stdout

    def test_no_command_shows_the_help_and_exits_2(self, run):
        result = run()
        assert "Commands:" in result.stdout + result.stderr
        assert result.exit_code == 2

    def test_version_is_that_of_the_package(self, run):
        assert run("--version").stdout.split()[-1] == dreamkeras.__version__

    @pytest.mark.parametrize(
        ("typed", "meant"), [("predct", "Did you mean predict?"), ("trian", "Did you mean train"), ("xyz", "simulate")]
    )
    def test_an_unknown_command_suggests_similar_names(self, run, typed, meant):
        result = run(typed)
        assert result.exit_code == 2
        assert meant in result.stderr
        assert repr(typed) in result.stderr

    def test_an_unknown_option_exits_2(self, run):
        assert run("--verson").exit_code == 2


class TestCompletion:
    def complete(self, spawn, words, kind="complete"):
        env = {"_DREAMKERAS_COMPLETE": f"bash_{kind}", "COMP_WORDS": words, "COMP_CWORD": str(len(words.split(" ")) - 1)}
        return spawn(env=env).stdout.split()

    def test_source_prints_a_shell_script(self, spawn):
        done = spawn(env={"_DREAMKERAS_COMPLETE": "zsh_source"})
        assert "compdef" in done.stdout
        assert "_DREAMKERAS_COMPLETE" in done.stdout

    def test_commands(self, spawn):
        assert self.complete(spawn, "dreamkeras ") == [f"plain,{name}" for name in COMMANDS]
        assert self.complete(spawn, "dreamkeras pr") == ["plain,predict"]

    def test_options(self, spawn):
        assert "plain,--on-error" in self.complete(spawn, "dreamkeras predict --")

    def test_choices(self, spawn):
        assert self.complete(spawn, "dreamkeras predict --device ") == ["plain,auto", "plain,cpu", "plain,cuda"]


class TestFailures:
    @pytest.mark.parametrize("kind", [DreamkerasError, InputError, MissingPackageError])
    def test_own_errors_are_one_line_and_exit_1(self, failing, kind):
        result = failing(kind("Expected a,\n  got b."))
        assert (result.stderr, result.stdout, result.exit_code) == ("Error: Expected a, got b.\n", "", 1)

    def test_an_error_can_set_the_exit_code(self, failing):
        class ParticularError(DreamkerasError):
            exit_code = 7

        assert failing(ParticularError("x")).exit_code == 7

    @pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES, errno.EROFS])
    def test_operating_system_errors_name_the_path(self, failing, code):
        result = failing(OSError(code, "Reason", "runs/x"))
        assert (result.stderr, result.exit_code) == ("Error: Reason: runs/x\n", 1)

    def test_operating_system_errors_without_a_path_are_one_line(self, failing):
        assert failing(OSError(errno.ENOSPC, "No space left on device")).stderr == "Error: No space left on device\n"

    def test_interrupt_prints_nothing_and_exits_130(self, failing):
        result = failing(KeyboardInterrupt())
        assert (result.stdout, result.stderr, result.exit_code) == ("", "", 130)

    def test_broken_pipe_prints_nothing(self, failing):
        result = failing(BrokenPipeError(errno.EPIPE, "Broken pipe"))
        assert (result.stdout, result.stderr) == ("", "")

    def test_a_bug_keeps_its_traceback(self, failing):
        assert isinstance(failing(ZeroDivisionError()).exception, ZeroDivisionError)
        assert isinstance(failing(OSError("no errno: raised by hand")).exception, OSError)


@pytest.mark.parametrize(("name", "entry"), COMMANDS.items(), ids=COMMANDS)
def test_every_listed_command_exists(name, entry):
    command = main.get_command(click.Context(main), name)
    assert isinstance(command, click.Command)
    assert command.name == name


def test_exit_code_after_an_interrupt_is_that_of_shells():
    assert main_module.INTERRUPTED == 130
