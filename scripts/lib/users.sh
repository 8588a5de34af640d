# shellcheck shell=bash
# ensure_users: the accounts that daemon and portal run as, and an ordinary one to start sessions for;
# ensure_second_user: another one, whom the first is a stranger to.

DAEMON_USER=fastx
PORTAL_USER=fastx-portal
ORDINARY_USER=fxdemo
SECOND_USER=fxguest

ensure_users() {
    ((EUID == 0)) || return 0
    ensure_daemon_user
    ensure_system_user "$PORTAL_USER" /var/fastx/portal
    [[ $(session_user) != "$ORDINARY_USER" ]] || ensure_ordinary_user "$ORDINARY_USER"
}

ensure_second_user() {
    ((EUID == 0)) || getent passwd "$SECOND_USER" >/dev/null ||
        die "tests need a second user: run 'sudo scripts/setup' once"
    ((EUID != 0)) || ensure_ordinary_user "$SECOND_USER"
}

# Who sessions are started for: whoever called, or an ordinary user in root's place.
session_user() {
    if ((EUID != 0)); then
        id -un
    elif [[ -n ${SUDO_USER:-} && $SUDO_USER != root ]] && (($(id -u "$SUDO_USER") >= 1000)); then
        printf '%s\n' "$SUDO_USER"
    else
        printf '%s\n' "$ORDINARY_USER"
    fi
}

# Who the daemon runs as: its own account, or the caller where accounts cannot be switched.
daemon_user() {
    if ((EUID == 0)); then printf '%s\n' "$DAEMON_USER"; else id -un; fi
}

# Who the portal runs as, likewise.
portal_user() {
    if ((EUID == 0)); then printf '%s\n' "$PORTAL_USER"; else id -un; fi
}

ensure_system_user() { # NAME HOME
    ! getent passwd "$1" >/dev/null || return 0
    say "note: adding the system user $1"
    local own_group=(--user-group)
    ! getent group "$1" >/dev/null || own_group=(--gid "$1")
    useradd --system "${own_group[@]}" --home-dir "$2" --no-create-home --shell /usr/sbin/nologin "$1"
}

ensure_daemon_user() {
    local group
    ensure_system_user "$DAEMON_USER" /var/fastx/local
    group=$(engine_group) || return 0
    if ! id -nG "$DAEMON_USER" | tr ' ' '\n' | grep -qx "$group"; then
        say "note: adding $DAEMON_USER to the group $group of the Docker socket"
        usermod -aG "$group" "$DAEMON_USER"
    fi
}

# The group of the Docker socket: whoever may use the engine.
engine_group() {
    local socket group
    socket=$(engine_socket) || return 1
    group=$(stat -L -c %G "$socket") || return 1
    case $group in
        root) die "$socket belongs to the group root: give it to a group of its own" \
            "('groupadd --system docker', then restart dockerd)" ;;
        UNKNOWN) die "$socket belongs to a group without a name: 'groupadd -g $(stat -L -c %g "$socket") docker'" ;;
    esac
    printf '%s\n' "$group"
}

ensure_ordinary_user() { # NAME
    local home
    if ! getent passwd "$1" >/dev/null; then
        say "note: adding the ordinary user $1 for sessions"
        useradd --user-group --create-home --shell /bin/bash "$1"
    fi
    home=$(getent passwd "$1" | cut -d: -f6)
    if [[ ! -d $home ]]; then
        mkdir -p "$home"
        chown "$1:" "$home"
    fi
    chmod 0700 "$home"
}
