# shellcheck shell=bash
# ensure_vendored: what the portal's pages take from npm, as portal/package-lock.json pins it, laid
# into portal/static/vendor (not in git; in the wheel). Needs npm only when the lock has changed.

vendored_dir() {
    printf '%s/portal/static/vendor\n' "$FX_ROOT"
}

# The packages as npm lays them out; tests take axe-core from there.
node_modules_dir() {
    printf '%s/npm-%s/node_modules\n' "$FX_CACHE_DIR" "$(vendor_key)"
}

vendor_key() {
    cat "$FX_ROOT"/portal/package{,-lock}.json | sha256sum | cut -c -12
}

ensure_vendored() {
    with_lock npm fetch_node_modules
    with_lock vendored lay_out_vendored
}

fetch_node_modules() {
    local modules work
    modules=$(node_modules_dir)
    [[ ! -e $modules/.complete ]] || return 0
    work=$(dirname "$modules")
    find "$FX_CACHE_DIR" -maxdepth 1 -name 'npm-????????????' -exec rm -rf {} +
    mkdir -p "$work"
    cp "$FX_ROOT"/portal/package{,-lock}.json "$work/"
    (cd "$work" && npm ci --ignore-scripts --no-audit --no-fund) ||
        die "npm cannot fetch what portal/package-lock.json names: is a registry within reach?"
    touch "$modules/.complete"
}

lay_out_vendored() {
    local directory
    directory=$(vendored_dir)
    [[ $(cat "$directory/.key" 2>/dev/null) != "$(vendor_key)" ]] || return 0
    rm -rf "$directory"
    mkdir -p "$directory/novnc"
    cp -R "$(node_modules_dir)"/@novnc/novnc/{core,vendor,LICENSE.txt,AUTHORS,package.json} "$directory/novnc/"
    vendor_key >"$directory/.key"
}
