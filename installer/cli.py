"""The `appliance` command: a table of contents. Each command says what it does in its own module under commands/."""

import typer

from installer.commands import (
    audit,
    chat,
    doctor,
    endpoints,
    engines,
    hardware,
    jobs,
    keys,
    licence,
    logs,
    models,
    nodes,
    projects,
    reference,
    routes,
    serve,
    service_accounts,
    stack,
    status,
    users,
    version,
    weights,
)
from installer.terminal import speaks_plainly

app = typer.Typer(
    name="appliance",
    help="Thousand Sails: a large-model appliance on your own machine. Start with `appliance up`.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    add_completion=False,
)

STACK, MODELS, ACCESS = "The stack", "Models", "Access"

app.command("up", rich_help_panel=STACK)(speaks_plainly(stack.up))
app.command("down", rich_help_panel=STACK)(speaks_plainly(stack.down))
app.command("status", rich_help_panel=STACK)(speaks_plainly(status.status))
app.command("logs", rich_help_panel=STACK)(speaks_plainly(logs.logs))
app.command("doctor", rich_help_panel=STACK)(speaks_plainly(doctor.doctor))
app.command("version", rich_help_panel=STACK)(speaks_plainly(version.version))
app.command("hardware", rich_help_panel=MODELS)(speaks_plainly(hardware.hardware))
app.add_typer(nodes.app, name="nodes", rich_help_panel=MODELS)
app.add_typer(models.app, name="models", rich_help_panel=MODELS)
app.add_typer(weights.app, name="weights", rich_help_panel=MODELS)
app.add_typer(jobs.app, name="jobs", rich_help_panel=MODELS)
app.add_typer(serve.app, name="serve", rich_help_panel=MODELS)
app.add_typer(engines.app, name="engines", rich_help_panel=MODELS)
app.add_typer(licence.app, name="licence", rich_help_panel=MODELS)
app.command("chat", rich_help_panel=MODELS)(speaks_plainly(chat.chat))
app.add_typer(routes.app, name="routes", rich_help_panel=ACCESS)
app.add_typer(endpoints.app, name="endpoints", rich_help_panel=ACCESS)
app.add_typer(keys.app, name="keys", rich_help_panel=ACCESS)
app.add_typer(users.app, name="users", rich_help_panel=ACCESS)
app.add_typer(projects.app, name="projects", rich_help_panel=ACCESS)
app.add_typer(service_accounts.app, name="service-accounts", rich_help_panel=ACCESS)
app.add_typer(audit.app, name="audit", rich_help_panel=ACCESS)
app.command("reference", hidden=True)(speaks_plainly(reference.reference))
