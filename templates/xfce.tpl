# yaml-language-server: $schema=/usr/share/fastx-supervisor/schema/template.json
#
# xfce.tpl: a whole desktop, without systemd. docs/desktops.md tells what its image holds and how to
# make it; docker.tpl explains every key.

title: XFCE desktop
description: A whole desktop with panel, file manager, editor and terminal, and your home directory.
icon: user-desktop

geometry: 1440x900

# images/fx-xfce/recipe, built by `scripts/image fx-xfce`; or your own image with XFCE in it.
image: fx-xfce:bookworm

# By absolute paths, and with a PATH of its own: a dbus-daemon that comes with conda, say, would be
# found before the system's, and the desktop would not come up. Terminals read the user's own
# settings as always. The bus is where programs look for it that are started by `fxctl exec`. GTK is
# told of the display's dpi in whole steps for all it draws, and the rest for its text.
command: >-
  /usr/bin/dbus-daemon --session --fork --address="unix:path=$$XDG_RUNTIME_DIR/bus" &&
  export DBUS_SESSION_BUS_ADDRESS="unix:path=$$XDG_RUNTIME_DIR/bus"
  $$(/usr/bin/perl -e '$$all = shift() / 96; $$whole = int $$all || 1;
  print "GDK_SCALE=$$whole GDK_DPI_SCALE=", $$all / $$whole' ${start.dpi}) &&
  exec /usr/bin/xfce4-session
environment:
  PATH: /usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games
  LANG: C.UTF-8
  DESKTOP_SESSION: xfce
  XDG_CURRENT_DESKTOP: XFCE
  XDG_SESSION_TYPE: x11
  XDG_MENU_PREFIX: xfce-
  XDG_CONFIG_DIRS: /etc/xdg/fastx:/etc/xdg
  XDG_DATA_DIRS: /usr/local/share:/usr/share
  # No accessibility bus: its daemon would be started by each program, and found missing.
  NO_AT_BRIDGE: "1"

params:
  memory:
    type: size
    label: Memory
    help: The desktop itself needs some 300 MB; programs are killed when they need more.
    default: 4g
    min: 1g
    max: 16g
  cores:
    type: number
    label: CPU cores
    default: 2
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
  - /tmp:mode=1777,size=2g,exec
  - /var/tmp:mode=1777,size=1g
  - /run:mode=1777,size=64m
  # Session management wants it to be root's.
  - /tmp/.ICE-unix:mode=1777,size=64k

mem_limit: ${start.params.memory}
cpus: ${start.params.cores}
pids_limit: 1024
shm_size: 512m

network_mode: bridge

cap_drop: [ALL]
security_opt:
  - no-new-privileges:true
init: true

session:
  startup_timeout: 60s
  # Logging out from the menu ends the session, as on any machine.
  end: command
  # It has its own.
  window_manager: none
