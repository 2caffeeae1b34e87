"""What the command line prints with: results on standard output, all else on standard error."""

from rich.console import Console

console = Console()
#: Progress and remarks go here, so that standard output holds results only.
err_console = Console(stderr=True)
