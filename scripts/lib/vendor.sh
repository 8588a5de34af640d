# shellcheck shell=bash
# ensure_vendored: what the portal's pages take from npm, as portal/package-lock.json pins it, laid
# into portal/static/vendor (not in git; in wheel and sdist). Needs npm only when the lock has changed.

vendored_dir() {
    printf '%s/portal/static/vendor\n' "$FX_ROOT"
}

# The packages as npm lays them out; tests take axe-core from there.
node_modules_dir() {
    printf '%s/npm-%s/node_modules\n' "$FX_CACHE_DIR" "$(vendor_key)"
}

vendor_key() { # MORE_FILES
    cat "$FX_ROOT"/portal/package{,-lock}.json "$@" | sha256sum | cut -c -12
}

# What is laid out depends on how this file does it, too.
layout_key() {
    vendor_key "$FX_LIB/vendor.sh"
}

are_vendored() {
    [[ $(cat "$(vendored_dir)/.key" 2>/dev/null) == "$(layout_key)" ]]
}

have_node_modules() {
    [[ -e $(node_modules_dir)/.complete ]]
}

ensure_vendored() {
    are_vendored || with_lock npm lay_out_vendored
}

ensure_node_modules() {
    have_node_modules || with_lock npm fetch_node_modules
}

fetch_node_modules() {
    local modules work
    modules=$(node_modules_dir)
    ! have_node_modules || return 0
    command -v npm >/dev/null ||
        die "npm is not installed, which fetches what the portal's pages are made of: 'apt-get install npm';" \
            "or take an sdist instead of this clone ('scripts/package sdist' where there is npm)"
    work=$(dirname "$modules")
    find "$FX_CACHE_DIR" -maxdepth 1 -name 'npm-????????????' -exec rm -rf {} +
    mkdir -p "$work"
    cp "$FX_ROOT"/portal/package{,-lock}.json "$work/"
    (cd "$work" && npm ci --ignore-scripts --no-audit --no-fund) ||
        die "npm cannot fetch what portal/package-lock.json names: is a registry within reach?"
    touch "$modules/.complete"
}

lay_out_vendored() {
    local directory novnc
    ! are_vendored || return 0
    fetch_node_modules
    directory=$(vendored_dir)
    novnc=$(node_modules_dir)/@novnc/novnc
    rm -rf "$directory"
    mkdir -p "$directory/novnc/docs"
    cp -R "$novnc"/{core,vendor,LICENSE.txt,AUTHORS,package.json} "$directory/novnc/"
    cp "$novnc"/docs/LICENSE.{MPL-2.0,BSD-3-Clause} "$directory/novnc/docs/"
    layout_key >"$directory/.key"
}
