"""``fxctl``: what administrators type. A client of the web server's socket, like any other.

    app                           the program: its options, its exit codes
     ├─ steering, looking, gating, upkeep, setup    commands; their options: options
     │   ├─ watching, draining    asynchronous halves of commands
     │   ├─ follow, roster        the event stream kept up; the sessions it tells of
     │   ├─ launch, local_render  FastX's launcher script; rendering without a daemon
     │   ├─ ids, wishes           what was typed, as the API wants it
     │   └─ completion            what the shell is offered
     ├─ client, sse, views        the wire: calls, events, objects
     └─ tables, node_lines, usage, findings, layout, screen    what a person sees; text makes it
                                  safe, report is for errors

Libraries for HTTP, terminals and YAML are imported by the command that needs them, for they cost
more time than most commands.
"""
