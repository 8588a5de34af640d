# yaml-language-server: $schema=/usr/share/fastx-supervisor/schema/template.json
#
# browser.tpl: a web browser that fills the screen. docs/desktops.md tells what its image holds and
# how to make it; docker.tpl explains every key.

title: Web browser
description: Chromium, with your own bookmarks and downloads.
icon: web-browser

# images/fx-browser/recipe, built by `scripts/image fx-browser`.
image: fx-browser:bookworm

# Chromium's own sandbox wants user namespaces, which the engine gives to nobody unless told so.
# Without it the container is the sandbox: what takes over a page has what the session has, HOME and
# network, and no more. docs/desktops.md weighs the two; for Chromium's, take --no-sandbox away and
# the # from the profile below. There is no system bus: what asks for one is answered by the session's.
command: >-
  /usr/bin/dbus-daemon --session --fork --address="unix:path=$$XDG_RUNTIME_DIR/bus";
  export DBUS_SESSION_BUS_ADDRESS="unix:path=$$XDG_RUNTIME_DIR/bus";
  export DBUS_SYSTEM_BUS_ADDRESS="$$DBUS_SESSION_BUS_ADDRESS";
  exec browser-session --no-sandbox
  --force-device-scale-factor=$$(perl -e 'print shift() / 96' ${start.dpi})
  ${start.params.url:-chrome://newtab}
environment:
  PATH: /usr/local/bin:/usr/bin:/bin
  LANG: C.UTF-8
  NO_AT_BRIDGE: "1"

params:
  url:
    type: string
    label: Start page
    help: Opened when the browser starts; an empty tab if nothing is given.
    pattern: "https?://[^ ]+"
    max_length: 2048
  memory:
    type: size
    label: Memory
    help: Pages are closed by the browser when they need more.
    default: 4g
    min: 1g
    max: 16g
  cores:
    type: number
    label: CPU cores
    # The engine refuses more cores than the host has.
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

mem_limit: ${start.params.memory}
cpus: ${start.params.cores}
pids_limit: 1024
# Each page's picture goes through it; Debian's chromium avoids it below 3.8 GB. A bound like any
# other: what is used counts as the session's memory.
shm_size: 4g

network_mode: bridge

cap_drop: [ALL]
security_opt:
  - no-new-privileges:true
# What Docker's default profile keeps from a container without capabilities, less what Chromium's
# sandbox is made of: user namespaces and chroot. supervisor.yaml has to allow it:
#   policy: {security_opt: [no-new-privileges*, "seccomp=*"]}
#  - >-
#    seccomp={"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"action": "SCMP_ACT_ERRNO",
#    "errnoRet": 1, "names": [
#    "acct", "add_key", "bpf", "clock_adjtime", "clock_settime", "create_module", "delete_module",
#    "fanotify_init", "finit_module", "fsconfig", "fsmount", "fsopen", "fspick", "get_kernel_syms",
#    "init_module", "io_uring_enter", "io_uring_register", "io_uring_setup", "ioperm", "iopl",
#    "kcmp", "kexec_file_load", "kexec_load", "keyctl", "lookup_dcookie", "mbind", "mount",
#    "mount_setattr", "move_mount", "move_pages", "name_to_handle_at", "nfsservctl",
#    "open_by_handle_at", "open_tree", "perf_event_open", "pivot_root", "process_vm_readv",
#    "process_vm_writev", "query_module", "quotactl", "quotactl_fd", "reboot", "request_key",
#    "set_mempolicy", "setdomainname", "sethostname", "setns", "settimeofday", "stime", "swapoff",
#    "swapon", "sysfs", "syslog", "_sysctl", "umount", "umount2", "uselib", "userfaultfd", "ustat",
#    "vhangup", "vm86", "vm86old"
#    ]}]}
init: true
