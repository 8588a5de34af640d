# shellcheck shell=bash
# install_on_host: PREFIX/lib/fastx-supervisor holds a venv per version; `current` names the one that
# runs and is changed in one rename. Options come as PREFIX, DRY_RUN, BUNDLE, START.

CONFIG_DIR=/etc/fastx
READY_SECONDS=60

install_on_host() {
    check_host
    act "tools that build" ensure_build_venv
    act "noVNC, from npm" ensure_vendored
    act "version $(project_version) in $(library_dir)" make_version
    act "users and directories" place_users
    act "configuration in $CONFIG_DIR, where it is missing" place_config
    act "configuration and templates, read by the new version" check_version
    [[ $BUNDLE == no ]] || act "X server bundle" place_bundle
    act "services in $(unit_dir)" place_units
    act "switch to version $(project_version) from $(current_version)" switch_version
    act "removal of older versions that nothing uses" prune_versions
}

act() { # WHAT COMMAND...
    if [[ $DRY_RUN == yes ]]; then
        say "would see to: $1"
    else
        step "$@"
    fi
}

library_dir() { printf '%s/lib/fastx-supervisor\n' "$PREFIX"; }

# What comes with the distribution stays apart from what an administrator puts beside it.
system_dir() { # KIND, e.g. systemd/system
    if [[ $PREFIX == /usr ]]; then printf '/usr/lib/%s\n' "$1"; else printf '/etc/%s\n' "$1"; fi
}

unit_dir() { system_dir systemd/system; }

current_version() {
    readlink "$(library_dir)/current" || echo "none"
}

# ------------------------------------------------------------------------------- what must be there

check_host() {
    local missing
    missing=$(missing_tools)
    [[ -n $missing ]] || return 0
    say "missing on this host:" >&2
    printf '%s\n' "$missing" >&2
    [[ $DRY_RUN == yes ]] || die "install what is missing, then run this again"
}

missing_tools() {
    has_python || missing_tool "Python 3.11 or newer, with venv" python3-venv python3.11 python311
    command -v docker >/dev/null || missing_tool "Docker Engine 20.10 or newer" docker.io moby-engine docker
    command -v flock >/dev/null || missing_tool "flock" util-linux util-linux util-linux
    command -v systemd-sysusers >/dev/null || missing_tool "systemd" systemd systemd systemd
    are_vendored || command -v npm >/dev/null ||
        missing_tool "npm (for a clone; an sdist has in it what npm would fetch)" npm nodejs-npm npm
    [[ $BUNDLE == yes ]] || return 0
    # Not needed where the bundle is made in a container, but by the check of what was made.
    command -v sha256sum >/dev/null || missing_tool "sha256sum" coreutils coreutils coreutils
    command -v tar >/dev/null || missing_tool "tar" tar tar tar
    ! on_debian || command -v perl >/dev/null || missing_tool "perl" perl-base perl-interpreter perl-base
}

missing_tool() { # WHAT and its packages as apt, dnf and zypper name them
    local command=
    if command -v apt-get >/dev/null; then command="apt-get install $2"
    elif command -v dnf >/dev/null; then command="dnf install $3"
    elif command -v zypper >/dev/null; then command="zypper install $4"
    fi
    printf '    %s%s\n' "$1" "${command:+: $command}"
}

on_debian() {
    grep -qsx 'ID=debian' /etc/os-release
}

# ------------------------------------------------------------------------------- the new version

version_dir() {
    local key
    key=$({ "$(system_python)" -VV && cat "$FX_ROOT/requirements.lock" && source_hash; } | sha256sum | cut -c -8)
    printf '%s/venv-%s-%s\n' "$(library_dir)" "$(project_version)" "$key"
}

make_version() {
    local venv work
    venv=$(version_dir)
    [[ ! -e $venv/.complete ]] || { say "$venv is there already" && return; }
    rm -rf "$venv"
    work=$(mktemp -d)
    # shellcheck disable=SC2064  # expanded now: the path is what is to be removed
    trap "rm -rf '$work'" EXIT
    set_source_date
    build_wheel "$work"
    mkdir -p "$(library_dir)"
    "$(system_python)" -m venv --without-pip "$venv"
    install_wheel "$venv/bin/python" "$work"
    mkdir -p "$venv/share"
    (cd "$venv/share" && ln -s ../lib/python3.*/site-packages/supervisor/share fastx-supervisor)
    touch "$venv/.complete"
}

# Before anything of the old version is touched.
check_version() {
    "$(version_dir)/bin/fx-supervisor" check && return
    [[ $(current_version) == "$(basename "$(version_dir)")" ]] || rm -rf "$(version_dir)"
    die "the new version does not accept $CONFIG_DIR (see above), and is not installed." \
        "What ran before still does: $(current_version)"
}

switch_version() {
    local before
    before=$(current_version)
    point_to "$(basename "$(version_dir)")"
    mkdir -p "$PREFIX/bin" "$PREFIX/share"
    ln -sfn "$(library_dir)/current/bin/fx-supervisor" "$(library_dir)/current/bin/fxctl" \
        "$(library_dir)/current/bin/fx-portal" "$PREFIX/bin/"
    ln -sfn "$(library_dir)/current/share/fastx-supervisor" "$PREFIX/share/"
    [[ $START == yes && -d /run/systemd/system ]] || { say "note: the service is not started" && return; }
    systemctl daemon-reload
    # shellcheck disable=SC2046  # names without blanks
    systemctl enable --quiet $(our_units)
    ! starts_again || { restart_portal && return; }
    journalctl --no-pager --lines 20 --unit fx-supervisor.service || true
    [[ $before != none && $before != "$(current_version)" ]] ||
        die "the service does not start: see above, mend it, then 'systemctl restart fx-supervisor'"
    point_to "$before"
    restore_units
    starts_again || die "neither the new version starts nor $before: see 'journalctl -u fx-supervisor'"
    die "the new version does not start (see above): $before runs again"
}

# True when it is ready, or still waits for an engine: that is no fault of this version.
starts_again() {
    local status=0
    systemctl reset-failed fx-supervisor.service 2>/dev/null || true
    timeout "$READY_SECONDS" systemctl restart fx-supervisor.service || status=$?
    ((status == 124)) || return "$status"
    say "note: the service is not ready yet: 'systemctl status fx-supervisor' says why"
}

# Only where it runs: a host may have a web server of its own.
restart_portal() {
    systemctl --quiet is-active fx-portal.service || return 0
    systemctl restart fx-portal.service || say "note: the portal does not start: 'systemctl status fx-portal'"
}

point_to() { # VERSION
    local link
    link=$(library_dir)/.current
    ln -sfn "$1" "$link"
    mv -T "$link" "$(library_dir)/current"
}

# Sessions have the agent of the version that started them mounted.
prune_versions() {
    local venv
    rm -rf "$(saved_units)"
    for venv in "$(library_dir)"/venv-*; do
        [[ $venv != "$(version_dir)" ]] || continue
        ! is_mounted "$venv" || { say "note: a session uses $venv" && continue; }
        rm -rf "$venv"
    done
}

is_mounted() { # DIRECTORY
    # Whose processes come and go while this looks: no pipeline, which a vanished one would fail.
    grep -qsF -- "/$(basename "$1")/" /proc/[0-9]*/mountinfo
}

# ------------------------------------------------------------------------------- what stands around it

place_users() {
    local name
    for name in fx-supervisor fx-portal; do
        install -m 0644 -D "$FX_ROOT/systemd/$name.sysusers" "$(system_dir sysusers.d)/$name.conf"
        install -m 0644 -D "$FX_ROOT/systemd/$name.tmpfiles" "$(system_dir tmpfiles.d)/$name.conf"
        systemd-sysusers "$(system_dir sysusers.d)/$name.conf"
        systemd-tmpfiles --create "$(system_dir tmpfiles.d)/$name.conf"
    done
}

place_config() {
    install -d -m 0755 "$CONFIG_DIR" "$CONFIG_DIR/launcher-templates"
    place_missing "$FX_ROOT/packaging/etc/fastx.env" "$CONFIG_DIR/fastx.env"
    place_missing <(packaged_config) "$CONFIG_DIR/supervisor.yaml"
    place_missing "$FX_ROOT/templates/portal.yaml" "$CONFIG_DIR/portal.yaml"
    place_missing <(pam_service) /etc/pam.d/fx-portal
}

place_missing() { # FILE TARGET
    [[ -e $2 ]] || at_prefix "$1" "$2"
}

# By what this distribution calls the rules that its services share.
pam_service() {
    if [[ ! -e /etc/pam.d/common-auth && -e /etc/pam.d/password-auth ]]; then
        sed 's/common-.*/password-auth/' "$FX_ROOT/packaging/pam/fx-portal"
    else
        cat "$FX_ROOT/packaging/pam/fx-portal"
    fi
}

place_units() {
    local unit
    rm -rf "$(saved_units)"
    mkdir -p "$(saved_units)"
    for unit in "$FX_ROOT"/systemd/*.{service,socket}; do
        cp -p "$(unit_dir)/$(basename "$unit")" "$(saved_units)/" 2>/dev/null || true
        at_prefix "$unit" "$(unit_dir)/$(basename "$unit")"
    done
    # A unit with a group that is not there does not start; where there is none, it would not help either.
    getent group shadow >/dev/null || sed -i '/^SupplementaryGroups=shadow$/d' "$(unit_dir)/fx-portal.service"
}

# Those of the version before, until the new one has started.
saved_units() { printf '%s/.units\n' "$(library_dir)"; }

restore_units() {
    cp -p "$(saved_units)"/* "$(unit_dir)/"
    systemctl daemon-reload
}

# A copy that names programs and schemas where they are.
at_prefix() { # FILE TARGET
    sed "s#/usr/bin/fx#$PREFIX/bin/fx#g; s#/usr/share/fastx-supervisor#$PREFIX/share/fastx-supervisor#g" "$1" |
        install -m 0644 -D /dev/stdin "$2"
}

# A host without it can be installed, and be given one later: the daemon says how.
place_bundle() {
    local place=/usr/lib/fastx-supervisor/bundle options=()
    on_debian || options=(--image debian:bookworm-slim)
    mkdir -p "$(dirname "$place")"
    "$FX_ROOT/agent/build-bundle" "$place" "${options[@]}" ||
        say "note: no X server bundle (the reason: $FX_LOG_DIR); make it with" \
            "'agent/build-bundle $place ${options[*]}'"
}
