# yaml-language-server: $schema=/usr/share/fastx-supervisor/schema/template.json
#
# terminal.tpl: a terminal that fills the screen; the session is over when its shell ends.
# docker.tpl explains every key.

title: Terminal
description: A command line in your home directory.
icon: utilities-terminal

# images/fx-sample/recipe, built by `scripts/image fx-sample`; any image with xterm.
image: fx-sample:bookworm

# What is selected is copied; Ctrl+Shift+V and the middle button paste.
command: >-
  exec xterm -fa "DejaVu Sans Mono" -fs ${start.params.size} -bg "#16202f" -fg "#e8edf4"
  -cr "#e8edf4" -bw 0 -sl 10000 +sb -tn xterm-256color
  -xrm "XTerm*selectToClipboard: true"
  -xrm "XTerm*VT100.translations: #override Ctrl Shift <Key>C: copy-selection(CLIPBOARD) \n
  Ctrl Shift <Key>V: insert-selection(CLIPBOARD)" -T Terminal
environment:
  LANG: C.UTF-8

params:
  size:
    type: integer
    label: Text size
    default: 11
    min: 6
    max: 32
  memory:
    type: size
    label: Memory
    help: The session's programs are killed when they need more.
    default: 1g
    min: 256m
    max: 8g
  cores:
    type: number
    label: CPU cores
    # The engine refuses more cores than the host has.
    default: 1
    min: 0.5
    max: 2

volumes:
  - type: bind
    source: ${user.home}
    target: ${user.home}
working_dir: ${user.home}
hostname: ${host.name}

read_only: true
tmpfs:
  - /tmp:mode=1777,size=1g,exec
  - /var/tmp:mode=1777,size=1g
  - /run:mode=1777,size=64m

mem_limit: ${start.params.memory}
cpus: ${start.params.cores}
pids_limit: 512

network_mode: bridge

cap_drop: [ALL]
security_opt:
  - no-new-privileges:true
init: true
