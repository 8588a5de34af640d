# shellcheck shell=bash
# ensure_engine: a Docker Engine that answers. The one that runs; else systemd's; else a dockerd
# started here, which goes on running afterwards (a second start costs more than it is worth).
#
# FX_DOCKERD_OPTIONS: words for a dockerd started here, e.g. another --data-root. With
# DOCKER_HOST=unix://... it listens there. Never --bridge=none beside another dockerd of the same
# network namespace: a dockerd that starts so deletes docker0, also from under the other one.

ENGINE_DEADLINE_SECONDS=60

engine_answers() {
    timeout 10 docker version --format '{{.Server.Version}}' >/dev/null 2>&1
}

engine_socket() {
    local host=${DOCKER_HOST:-unix:///var/run/docker.sock}
    [[ $host == unix://* ]] || return 1
    printf '%s\n' "${host#unix://}"
}

ensure_engine() {
    ((EUID != 0)) || mount_hierarchies
    ! engine_answers || return 0
    local socket
    socket=$(engine_socket) ||
        die "DOCKER_HOST=$DOCKER_HOST does not answer: correct it, or unset it to use this host"
    if [[ -S $socket ]] && ((EUID != 0)) && [[ ! -w $socket ]]; then
        die "$socket is not yours to use: 'sudo usermod -aG docker $(id -un)', log in again;" \
            "or run this with sudo"
    fi
    ((EUID == 0)) || die "no Docker Engine answers: 'sudo systemctl start docker' (or dockerd)"
    if [[ -d /run/systemd/system && -z ${FX_DOCKERD_OPTIONS:-} && -z ${DOCKER_HOST:-} ]]; then
        systemctl start docker || die "systemd cannot start docker: 'journalctl -u docker' says why"
    else
        with_lock engine start_dockerd "$socket"
    fi
    wait_for_engine
}

# Hierarchies of cgroup v1 that are known to the kernel and mounted nowhere here, as a systemd in a
# container leaves them: containerd finds no container's groups then, and tells of nobody who was
# killed for want of memory.
mount_hierarchies() {
    local controllers place
    while IFS=: read -r _ controllers _; do
        place=/sys/fs/cgroup/$controllers
        [[ -n $controllers && $controllers != name=* ]] || continue
        ! awk -v wanted="$controllers" '$3 == "cgroup" && index("," $4 ",", "," wanted ",") {found = 1}
            END {exit !found}' /proc/mounts || continue
        say "mounting the control groups of $controllers"
        mkdir -p "$place" 2>/dev/null || true
        mount -t cgroup -o "$controllers" cgroup "$place" ||
            say "note: that failed; the engine will not tell who ran out of memory"
    done </proc/self/cgroup
}

start_dockerd() { # SOCKET
    ! engine_answers || return 0
    command -v dockerd >/dev/null || die "dockerd is not installed: 'apt-get install docker.io'"
    local log options=() pid_file=/var/run/docker.pid exec_root=/var/run/docker word next=""
    read -ra options <<<"${FX_DOCKERD_OPTIONS:-}"
    for word in "${options[@]}"; do
        case $next in --pidfile) pid_file=$word ;; --exec-root) exec_root=$word ;; esac
        case $word in
            --pidfile=*) pid_file=${word#*=} ;;
            --exec-root=*) exec_root=${word#*=} ;;
        esac
        next=$word
    done
    if runs_as "$pid_file" dockerd; then
        say "dockerd runs (pid $(cat "$pid_file")) and does not answer: waiting until it does, or ends"
        wait_for_other "$pid_file" && return
    fi
    drop_stale_pid "$pid_file" dockerd
    drop_stale_pid "$exec_root/containerd/containerd.pid" containerd
    mkdir -p "$FX_CACHE_DIR/engine"
    log=$(engine_log)
    say "note: starting dockerd in the background, log $log, pid file $pid_file"
    # 9 is the lock of this set-up, which must not live as long as the engine.
    setsid --fork dockerd --host "unix://$1" "${options[@]}" </dev/null >"$log" 2>&1 9>&-
}

# dockerd takes any process that happens to have the recorded number for its living self, and
# refuses to start; a zombie too.
drop_stale_pid() { # PID_FILE NAME
    [[ -e $1 ]] && ! runs_as "$1" "$2" || return 0
    say "removing $1: no $2 runs as $(cat "$1")"
    rm -f "$1"
}

runs_as() { # PID_FILE NAME
    local pid
    pid=$(tr -dc 0-9 2>/dev/null <"$1") || return 1
    [[ -n $pid ]] && grep -qs "^Name:[[:space:]]*$2\$" "/proc/$pid/status" &&
        ! grep -qs '^State:[[:space:]]*Z' "/proc/$pid/status"
}

# One that was started, or told to stop, a moment ago. True when it answers.
wait_for_other() { # PID_FILE
    local started=$SECONDS
    until engine_answers; do
        runs_as "$1" dockerd || return 1
        ((SECONDS - started < ENGINE_DEADLINE_SECONDS)) ||
            die "dockerd (pid $(cat "$1")) runs and does not answer: stop it, then run this again"
        sleep 0.2
    done
}

engine_log() {
    printf '%s\n' "$FX_CACHE_DIR/engine/dockerd.log"
}

wait_for_engine() {
    local started=$SECONDS
    until engine_answers; do
        if ((SECONDS - started > ENGINE_DEADLINE_SECONDS)) || dockerd_gave_up; then
            tail -n 20 "$(engine_log)" 2>/dev/null || true
            die "the Docker Engine did not answer within $((SECONDS - started)) s: its last words" \
                "are above. 'iptables -L' failing, a full disk or missing cgroups are usual causes"
        fi
        sleep 0.2
    done
}

dockerd_gave_up() {
    grep -qE '^failed to start daemon|^unable to configure the Docker daemon' "$(engine_log)" 2>/dev/null
}
