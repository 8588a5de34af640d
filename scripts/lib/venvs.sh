# shellcheck shell=bash
# Two environments under the cache directory, each keyed by its lock file and the interpreter:
#   dev_venv       what tests and checks need; the project itself comes from the tree
#   runtime_venv   what runs; the project as a wheel, so that the daemon's user needs no access to
#                  the tree (a clone below /root is out of its reach)
# A venv is complete when its stamp is there: it cannot be moved into place, its scripts know
# their path.

# The system's interpreter: one on the PATH may live below somebody's home.
system_python() {
    local candidate
    for candidate in /usr/bin/python3 /usr/bin/python3.1{3,2,1} /usr/local/bin/python3; do
        if python_fits "$candidate"; then
            printf '%s\n' "$candidate"
            return
        fi
    done
    if ((EUID != 0)) && candidate=$(command -v python3) && python_fits "$candidate"; then
        printf '%s\n' "$candidate"
        return
    fi
    die "no Python 3.11 or newer with venv: 'apt-get install python3-venv' (Debian 12, Ubuntu 24.04)"
}

python_fits() { # INTERPRETER
    [[ -x $1 ]] && "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

has_python() {
    (system_python) >/dev/null 2>&1
}

venv_of() { # LOCK
    local key
    key=$({ "$(system_python)" -VV && cat "$FX_ROOT/$1"; } | sha256sum | cut -c -12)
    printf '%s/venv-%s-%s\n' "$FX_CACHE_DIR" "${1%.lock}" "$key"
}

dev_venv() {
    venv_of requirements-dev.lock
}

runtime_venv() {
    venv_of requirements.lock
}

ensure_dev_venv() {
    with_lock venv-dev make_venv "$(dev_venv)" requirements-dev.lock
}

ensure_runtime_venv() {
    with_lock venv-runtime make_runtime_venv
}

make_runtime_venv() {
    ensure_vendored
    make_venv "$(runtime_venv)" requirements.lock
    install_project "$(runtime_venv)"
}

make_venv() { # VENV LOCK
    [[ ! -e $1/.complete ]] || return 0
    # Older ones of the same purpose, and what an interrupted run left.
    find "$FX_CACHE_DIR" -maxdepth 1 -name "venv-${2%.lock}-????????????" -exec rm -rf {} +
    "$(system_python)" -m venv "$1"
    "$1/bin/python" -m pip install --require-hashes --no-deps --no-input --progress-bar off \
        --disable-pip-version-check -r "$FX_ROOT/$2" ||
        die "pip cannot install $2: is a package index within reach?"
    touch "$1/.complete"
}

install_project() { # VENV
    local stamp=$1/.project sources
    sources=$(source_hash)
    [[ $(cat "$stamp" 2>/dev/null) != "$sources" ]] || return 0
    rm -f "$stamp"
    "$1/bin/python" -m pip install --no-deps --no-build-isolation --no-index --no-input \
        --force-reinstall --disable-pip-version-check "$FX_ROOT" ||
        die "the project's wheel cannot be built or installed: see above"
    printf '%s\n' "$sources" >"$stamp"
}

# What goes into the wheel: names, modes, contents.
source_hash() {
    local parts=(pyproject.toml README.md LICENSE supervisor relay portal agent templates systemd)
    parts+=(docs/{alerts.yaml,grafana-dashboard.json,openapi.yaml,schema})
    (
        cd "$FX_ROOT" || exit
        find "${parts[@]}" -type f -not -path '*/__pycache__/*' -printf '%m %p\n' | sort
        find "${parts[@]}" -type f -not -path '*/__pycache__/*' -print0 | sort -z | xargs -0 cat
    ) | sha256sum | cut -d' ' -f1
}
