# yaml-language-server: $schema=/usr/share/fastx-supervisor/schema/template.json
#
# docker.tpl: how a session of FastX becomes a container.
#
# To change it, copy it to $FX_CONFIG_DIR/launcher-templates/docker.tpl (usually /etc/fastx/...),
# which goes before this file, edit the copy, and run `fx-supervisor check`. Another file beside it,
# gimp.tpl say, is another template, started by its name. Nothing needs to be restarted.
#
# The keys are those of a Docker Compose service. ${...} is filled in at each start:
#   ${user.name} ${user.uid} ${user.gid} ${user.home} ${user.shell} ${user.gecos}
#   ${session.id} ${session.name} ${host.name}
#   ${start.command} ${start.geometry} ${start.name} ${start.dpi} ${start.params.NAME}
#   ${extra.NAME} (what the web server adds)   ${x:-default}   ${x:?message}   $$ for one $
# A line that begins with # and a key is an example: take the # away to use it. All keys are
# described in docs/template-reference.md, one by one in docs/template-keys.md. The first line lets
# editors complete and explain them; `fx-supervisor schema template` prints what it names.

title: Application
description: Any one program by its command line, in a container of its own, with your home directory.
# A name of the freedesktop.org icon naming specification; docs/template-reference.md lists those that
# every portal should have a picture for.
icon: application-x-executable

# The display, where the start asks for nothing else.
geometry: 1280x800
dpi: 96

# ---- image --------------------------------------------------------------------------------------

# CHANGE THIS to your own image. It needs perl (perl-base is enough) and your X applications; X
# server, window manager and agent come from the host.
image: fx-sample:bookworm

# missing (default): pull what is not here; always: ask the registry each time; never: local only.
pull_policy: missing

# What to run. Text is a command line for /bin/sh: the user's command goes in as it is, every other
# value as one quoted word. A list is the program and its arguments, each exactly as it stands.
command: ${start.command:-xterm}

# Put before the command, as with docker run --entrypoint.
#entrypoint: [nice, -n, "5"]

# ---- what the user may set ----------------------------------------------------------------------

params:
  memory:
    type: size
    label: Memory
    help: The session's programs are killed when they need more.
    default: 2g
    min: 256m
    max: 8g
  cores:
    type: number
    label: CPU cores
    # The engine refuses more cores than the host has: let max be what your smallest host offers.
    default: 1
    min: 0.5
    max: 2
#  theme: {type: choice, choices: [light, {value: dark, label: Dark and quiet}], default: light}
#  project: {type: string, pattern: "[a-z0-9-]+", max_length: 32, default: none}
#  accelerated: {type: boolean, default: false}
#  length: {type: duration, default: 8h, max: 24h}

# ---- the user and their files -------------------------------------------------------------------

# The default user is the session's own, with all supplementary groups. Naming one drops both.
#user: ${user.uid}:${user.gid}
#group_add: [video, "44"]

volumes:
  - type: bind
    source: ${user.home}
    target: ${user.home}
#  - /srv/projects:/srv/projects:ro
#  - scratch:/scratch
#  - {type: bind, source: /opt/apps, target: /opt/apps, read_only: true, bind: {propagation: rslave}}

working_dir: ${user.home}

# What can be written to beside home and volumes; gone with the session, and counted as its memory.
# Docker mounts these noexec; programs that unpack libraries into /tmp need exec.
tmpfs:
  - /tmp:mode=1777,size=1g,exec
  - /var/tmp:mode=1777,size=1g
  - /run:mode=1777,size=64m

# The image cannot be written to: a session cannot fill the disk of its host with a copy of its own.
# false for images whose programs write to their own directories (then Docker's disk is their limit).
read_only: true

#environment:
#  LANG: C.UTF-8
#  FX_NODE: ${host.name}

# ---- limits -------------------------------------------------------------------------------------

mem_limit: ${start.params.memory}
cpus: ${start.params.cores}
pids_limit: 512
# Browsers and GPU programs want shared memory; Docker's own default is 64m.
shm_size: 256m

# Memory and swap together; equal to mem_limit means no swap.
#memswap_limit: 8g
# What the session is promised when the host runs short.
#mem_reservation: 512m
# Which CPUs to use.
#cpuset: 0-1
# Weight against other containers when all CPUs are busy; 1024 is the default.
#cpu_shares: 512
#ulimits: {nofile: {soft: 4096, hard: 8192}, core: 0}
#blkio_config: {weight: 300}
# Above 0: killed earlier when the whole host is out of memory.
#oom_score_adj: 500

# ---- network ------------------------------------------------------------------------------------

# A private network behind the host's address. none: no network at all (the display works without).
# host: the host's own, with all that listens on it; `policy.allow: [host_network]` in supervisor.yaml
# has to say that templates may.
network_mode: bridge
# Networks of your own go in place of network_mode, never beside it.
#networks: {lab: {aliases: ["desk"]}}
# The user's name may hold what a host name may not; the session's id never does.
#hostname: fx-${session.id}
#extra_hosts: ["license.example.com:192.0.2.10"]
#dns: [192.0.2.53]
#dns_search: [example.com]
#ports: ["127.0.0.1::8888"]

# ---- privileges ---------------------------------------------------------------------------------

cap_drop: [ALL]
security_opt:
  - no-new-privileges:true
# A small init reaps the zombies that desktops leave behind.
init: true

# Debuggers and profilers want this one.
#cap_add: [SYS_PTRACE]
#sysctls: {net.ipv4.ping_group_range: "0 2147483647"}
#runtime: runsc
#userns_mode: host
#ipc: private

# ---- devices ------------------------------------------------------------------------------------

#devices: ["/dev/dri:/dev/dri"]
#device_cgroup_rules: ["c 189:* rmw"]
# all, a number, or chosen ones.
#gpus: all
#gpus: [{driver: nvidia, device_ids: ["0"], capabilities: [gpu, utility]}]

# ---- housekeeping -------------------------------------------------------------------------------

#labels: {com.example.costs: research}

# How much is kept of what a session prints. Docker's own default has no limit: one session could
# fill the disk. With driver none nobody can ask for the log of a living session.
logging: {driver: json-file, options: {max-size: 10m, max-file: "2"}}

#stop_signal: SIGTERM
#deploy: {placement: {constraints: [node.labels.gpu == true]}}

# What no key above can say goes to the engine as it is, in the words of its API.
#host_config: {CpusetMems: "0"}
#container_config: {ArgsEscaped: false}

# ---- how long, and what viewers may do ----------------------------------------------------------

session:
  # From the start to a display that can be connected, an image already here.
  startup_timeout: 60s
  # From the request to end until the container is killed.
  stop_grace_period: 10s
  # No input for so long ends the session; none: never.
  idle_timeout: none
  # No viewer for so long ends it.
  disconnect_timeout: none
  # It ends so long after it began, whatever happens.
  lifetime: none
  # It is warned so long before that.
  lifetime_warning: 5m
  # No viewer for so long suspends it; whoever connects resumes it.
  suspend_timeout: none
  # disconnect: viewers out, programs run on. freeze: the programs stand still as well.
  suspend: disconnect
  # Which way text may be copied: both, in (to the session), out, off.
  clipboard: both
  # command: the session is over when the command ends. windows: when the last window is closed.
  end: command
  # auto: the program's windows fill the screen, with a title bar, by a window manager of the host's;
  # a command that brings its own (a whole desktop) keeps that. none: nobody manages windows.
  window_manager: auto
