# shellcheck shell=bash
# ensure_users: the account that the daemon runs as, and an ordinary one to start sessions for.

DAEMON_USER=fastx
ORDINARY_USER=fxdemo

ensure_users() {
    ((EUID == 0)) || return 0
    ensure_daemon_user
    [[ $(session_user) != "$ORDINARY_USER" ]] || ensure_ordinary_user
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

ensure_daemon_user() {
    local group
    if ! getent passwd "$DAEMON_USER" >/dev/null; then
        say "note: adding the system user $DAEMON_USER"
        local own_group=(--user-group)
        ! getent group "$DAEMON_USER" >/dev/null || own_group=(--gid "$DAEMON_USER")
        useradd --system "${own_group[@]}" --home-dir /var/fastx/local --no-create-home \
            --shell /usr/sbin/nologin "$DAEMON_USER"
    fi
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

ensure_ordinary_user() {
    local home
    if ! getent passwd "$ORDINARY_USER" >/dev/null; then
        say "note: adding the ordinary user $ORDINARY_USER for sessions"
        useradd --user-group --create-home --shell /bin/bash "$ORDINARY_USER"
    fi
    home=$(getent passwd "$ORDINARY_USER" | cut -d: -f6)
    if [[ ! -d $home ]]; then
        mkdir -p "$home"
        chown "$ORDINARY_USER:" "$home"
    fi
    chmod 0700 "$home"
}
