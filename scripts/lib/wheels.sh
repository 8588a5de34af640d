# shellcheck shell=bash
# Wheel and sdist of the project, and what they need from a package index: fetched once per lock and
# interpreter into a wheelhouse, verified by hash; everything after that works without a network.

# Sets SOURCE_DATE_EPOCH: the same sources give the same bytes.
set_source_date() {
    [[ -z ${SOURCE_DATE_EPOCH:-} ]] || return 0
    # In an unpacked sdist every file has the time that its build was given.
    SOURCE_DATE_EPOCH=$(git -C "$FX_ROOT" log -1 --format=%ct 2>/dev/null) ||
        SOURCE_DATE_EPOCH=$(stat -c %Y "$FX_ROOT/pyproject.toml")
    export SOURCE_DATE_EPOCH
}

project_version() {
    sed -n 's/^version = "\(.*\)"$/\1/p' "$FX_ROOT/pyproject.toml"
}

# FX_WHEELS names a directory of wheels to take them from, where no index is within reach.
wheelhouse() {
    printf '%s/wheels\n' "$(build_venv)"
}

build_venv() {
    local venv
    venv=$(venv_of requirements.lock)
    printf '%s\n' "${venv/venv-/build-}"
}

ensure_build_venv() {
    with_lock build-venv make_build_venv
}

make_build_venv() {
    local venv pip source=()
    venv=$(build_venv)
    [[ ! -e $venv/.complete ]] || return 0
    rm -rf "$venv"
    "$(system_python)" -m venv "$venv"
    pip=("$venv/bin/python" -m pip --no-input --disable-pip-version-check)
    [[ -z ${FX_WHEELS:-} ]] || source=(--no-index --find-links "$FX_WHEELS")
    say "fetching what requirements.lock names"
    "${pip[@]}" download "${source[@]}" --require-hashes --no-deps --only-binary :all: --progress-bar off \
        --dest "$(wheelhouse)" -r "$FX_ROOT/requirements.lock" ||
        die "pip cannot fetch requirements.lock: is ${FX_WHEELS:-a package index} within reach?"
    "${pip[@]}" install --no-index --find-links "$(wheelhouse)" hatchling
    touch "$venv/.complete"
}

build_wheel() { # DIRECTORY
    hatch wheel "$1"
}

build_sdist() { # DIRECTORY
    hatch sdist "$1"
}

hatch() { # TARGET DIRECTORY
    ensure_vendored
    mkdir -p "$2"
    (cd "$FX_ROOT" && "$(build_venv)/bin/python" -m hatchling build -t "$1" -d "$2") ||
        die "the $1 cannot be built: see above"
}

# Exactly what was locked, no more than the project needs, from the wheelhouse alone. By name: an
# installation by path would record the path.
install_wheel() { # PYTHON DIRECTORY_OF_WHEEL pip's options...
    # The build's pip, whoever's Python it is: what runs needs none.
    "$(build_venv)/bin/python" -m pip --python "$1" --no-input --disable-pip-version-check install --no-index --progress-bar off \
        --find-links "$(wheelhouse)" --find-links "$2" "${@:3}" \
        "fastx-docker-supervisor==$(project_version)" ||
        die "the wheel cannot be installed: see above"
}

# Who installs the portal's user lets it in; that is for the file on the host to say, not for the
# program, which may be installed where there is no such user.
packaged_config() {
    sed 's/^    allow_users: \[\]$/    allow_users: [fastx-portal] # that of fx-portal.service/' \
        "$FX_ROOT/templates/supervisor.yaml"
}
