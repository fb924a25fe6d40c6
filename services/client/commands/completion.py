"""`capflow completion`: a group, a command a shell."""

import click
from click.shell_completion import FishComplete, ShellComplete, get_completion_class

VARIABLE = "_CAPFLOW_COMPLETE"
"""Set by the scripts: `capflow` then answers what can come next, and does nothing."""

LOADING = {
    "bash": """\
Load it now:       source <(capflow completion bash)
and in each shell: capflow completion bash > ~/.local/share/bash-completion/completions/capflow
                   (takes bash 4.4 or newer and the package bash-completion)""",
    "zsh": """\
Load it now:       source <(capflow completion zsh)
and in each shell: echo 'source <(capflow completion zsh)' >> ~/.zshrc
                   (after its line with compinit; without one: autoload -U compinit; compinit)""",
    "fish": """\
Load it now:       capflow completion fish | source
and in each shell: capflow completion fish > ~/.config/fish/completions/capflow.fish""",
}


FISH = """\
function %(complete_func)s
    for line in (env %(complete_var)s=fish_complete COMP_WORDS=(commandline -cp) \\
            COMP_CWORD=(commandline -ct) %(prog_name)s)
        set -l parts (string split --max 1 , -- $line)
        switch $parts[1]
            case dir
                __fish_complete_directories $parts[2]
            case file
                __fish_complete_path $parts[2]
            case plain
                echo $parts[2]
        end
    end
end
complete --no-files --keep-order --command %(prog_name)s --arguments "(%(complete_func)s)"
"""


class _Fish(FishComplete):
    """Click's own script cuts what is said of a name at its first comma, and sorts captures by
    their names, where the newest should come first."""

    source_template = FISH


@click.group()
def completion() -> None:
    """Print the script that completes commands, options and names in your shell.

    Hosts, services, captures and keys are asked of the gateway as you press Tab.
    """


def script(shell: str) -> str:
    """The script of a shell, with how to load it on top."""
    kind = _Fish if shell == "fish" else get_completion_class(shell)
    assert kind is not None
    made = kind(click.Group(), {}, "capflow", VARIABLE)
    text = ShellComplete.source(made)  # of bash, the class's own asks which version there is
    if shell == "zsh":
        first, _, rest = text.lstrip().partition("\n")  # `#compdef` must stay the first line
        return f"{first}\n{_comment(shell)}\n{rest}"
    return f"{_comment(shell)}\n{text}"


def _comment(shell: str) -> str:
    return "\n".join(f"# {line}" for line in LOADING[shell].splitlines())


def _command(shell: str) -> click.Command:
    def show() -> None:
        click.echo(script(shell))

    help = f"Print the script for {shell}.\n\n\b\n{LOADING[shell]}"
    return click.Command(shell, callback=show, help=help)


for _shell in LOADING:
    completion.add_command(_command(_shell))
