# shellcheck shell=bash
# Steps: one line of output each, live progress on what takes longer than a second, a quiet log
# that is shown when the step fails. Several can run side by side.
#
#   start_run NAME                 once, first
#   step WHAT COMMAND...           run and wait; ends the script if it fails
#   step_start WHAT COMMAND...     run in the background
#   steps_wait                     wait for all of them; ends the script if one failed
#   say LINE                       inside a step: a line that progress shows and the log keeps

STEP_PIDS=()
STEP_NAMES=()
STEP_LOGS=()
STEP_STARTS=()
STEP_COUNT=0
STEP_EVERY=${FX_PROGRESS_SECONDS:-10} # how often a step in progress gets a line without a terminal

start_run() { # NAME
    FX_RUN_NAME=$1
    mkdir -p "$FX_CACHE_DIR"
    FX_LOG_DIR=$FX_CACHE_DIR/logs/$FX_RUN_NAME.$$
    mkdir -p "$FX_LOG_DIR"
    find "$FX_CACHE_DIR/logs" -mindepth 1 -maxdepth 1 -mmin +1440 -exec rm -rf {} +
    trap 'on_exit' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
}

say() {
    printf '%s\n' "$*"
}

die() { # what is wrong; what to do about it
    printf 'error: %s\n' "$*" >&2
    exit 1
}

on_exit() {
    local status=$?
    trap - EXIT INT TERM HUP
    if declare -F before_exit >/dev/null; then before_exit "$status"; fi
    steps_kill
    exit "$status"
}

steps_kill() {
    local pid
    for pid in "${STEP_PIDS[@]}"; do
        # Each step leads a process group: what it started ends with it.
        kill -TERM -- "-$pid" 2>/dev/null || true
    done
    for pid in "${STEP_PIDS[@]}"; do
        for _ in {1..50}; do
            kill -0 -- "-$pid" 2>/dev/null || break
            sleep 0.1
        done
        kill -KILL -- "-$pid" 2>/dev/null || true
    done
    STEP_PIDS=()
}

now_ms() {
    local microseconds=${EPOCHREALTIME/[.,]/}
    printf '%s' "${microseconds%???}"
}

seconds_since() { # MILLISECONDS
    local spent=$(($(now_ms) - $1))
    printf '%d.%d s' $((spent / 1000)) $((spent % 1000 / 100))
}

step() { # WHAT COMMAND...
    step_start "$@"
    steps_wait
}

step_start() { # WHAT COMMAND...
    local what=$1 log
    shift
    STEP_COUNT=$((STEP_COUNT + 1))
    log=$(printf '%s/%02d-%s.log' "$FX_LOG_DIR" "$STEP_COUNT" "${what//[^a-zA-Z0-9.]/-}")
    STEP_STARTS+=("$(now_ms)")
    set -m # a process group of its own, and Ctrl-C is ours to hand on
    (
        trap - EXIT INT TERM HUP
        "$@"
    ) </dev/null >"$log" 2>&1 &
    set +m
    STEP_PIDS+=("$!")
    STEP_NAMES+=("$what")
    STEP_LOGS+=("$log")
}

steps_wait() {
    local failed=0 began every=$((STEP_EVERY * 1000)) next=1000 index status shown
    [[ ! -t 1 ]] || every=500 next=500
    began=$(now_ms)
    while ((${#STEP_PIDS[@]})); do
        for index in "${!STEP_PIDS[@]}"; do
            kill -0 "${STEP_PIDS[index]}" 2>/dev/null && continue
            status=0
            wait "${STEP_PIDS[index]}" || status=$?
            progress_clear
            if ((status == 0)); then
                printf '==> %s ... done (%s)\n' "${STEP_NAMES[index]}" \
                    "$(seconds_since "${STEP_STARTS[index]}")"
                shown=$(sed -n 's/^note: /    /p' "${STEP_LOGS[index]}")
                [[ -z $shown ]] || printf '%s\n' "$shown"
            else
                step_failed "${STEP_NAMES[index]}" "${STEP_LOGS[index]}" "$status"
                failed=1
            fi
            unset "STEP_PIDS[index]" "STEP_NAMES[index]" "STEP_LOGS[index]" "STEP_STARTS[index]"
        done
        ((${#STEP_PIDS[@]})) || break
        # What is on its way is of no use without what failed.
        ((failed == 0)) || break
        # By the clock: on a busy machine a turn of this loop takes longer than it sleeps.
        if (($(now_ms) - began >= next)); then
            progress_show "$began"
            next=$((next < every ? every : next + every))
        fi
        sleep 0.1
    done
    ((failed == 0)) || exit 1
    STEP_PIDS=() STEP_NAMES=() STEP_LOGS=() STEP_STARTS=()
}

progress_show() { # BEGAN, in milliseconds
    local index line="" last="" width
    ((${#STEP_PIDS[@]} > 1)) || last=$(last_line "${STEP_LOGS[@]}")
    if [[ -t 1 ]]; then
        for index in "${!STEP_PIDS[@]}"; do
            line+="==> ${STEP_NAMES[index]} ... $(seconds_since "${STEP_STARTS[index]}")  "
        done
        width=$(tput cols 2>/dev/null || echo 80)
        line+=$last
        printf '\r\033[K%s' "${line:0:width-1}"
    else
        line=$(printf '; %s' "${STEP_NAMES[@]}")
        line=$(printf '    ... %d s: %s' $((($(now_ms) - $1) / 1000)) "${line:2}${last:+: $last}")
        printf '%s\n' "${line:0:80}"
    fi
}

progress_clear() {
    [[ ! -t 1 ]] || printf '\r\033[K'
}

last_line() { # LOG
    tail -n 20 "$1" 2>/dev/null | tr '\r' '\n' | grep -v '^[[:space:]]*$' | tail -n 1 | cut -c -100 || true
}

step_failed() { # WHAT LOG STATUS
    printf '==> %s ... FAILED (exit code %s)\n' "$1" "$3"
    tail -n 30 "$2" | sed 's/^/    | /'
    printf '    the whole log: %s\n' "$2"
}

# Runs COMMAND while holding the named lock; what COMMAND starts holds it too, so that a child
# which outlived its killed parent is waited for and not raced with.
with_lock() { # NAME COMMAND...
    local lock=$FX_CACHE_DIR/locks/$1
    shift
    mkdir -p "$FX_CACHE_DIR/locks"
    (
        if ! flock -n 9; then
            say "waiting for another run that holds $lock"
            flock -w 900 9 || die "$lock is held since 15 minutes: 'lslocks' says by whom"
        fi
        "$@"
    ) 9>"$lock"
}
