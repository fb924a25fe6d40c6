"""`capflow completion`: a group, a command a shell."""

import click
from click.shell_completion import ShellComplete, get_completion_class

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
                   (after its line with compinit)""",
    "fish": """\
Load it now:       capflow completion fish | source
and in each shell: capflow completion fish > ~/.config/fish/completions/capflow.fish""",
}


@click.group()
def completion() -> None:
    """Print the script that completes commands, options and names in your shell.

    Hosts, services, captures and keys are asked of the gateway as you press Tab.
    """


def script(shell: str) -> str:
    """The script of a shell, with how to load it on top."""
    kind = get_completion_class(shell)
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
