# shellcheck shell=bash
# ensure_bundle: the X server bundle that sessions mount, built by the agent's own script.

bundle_dir() {
    printf '%s\n' "$FX_CACHE_DIR/bundle/current"
}

ensure_bundle() {
    mkdir -p "$FX_CACHE_DIR/bundle"
    with_lock bundle build_bundle
}

build_bundle() {
    local options=()
    # Scratch directories of runs that were killed: nobody else works here while the lock is held.
    find "$FX_CACHE_DIR/bundle" -maxdepth 1 -name '.bundle.*' -exec rm -rf {} +
    if ! grep -qsx 'ID=debian' /etc/os-release; then
        options=(--image debian:bookworm-slim)
    fi
    "$FX_ROOT/agent/build-bundle" "$(bundle_dir)" "${options[@]}" ||
        die "the X server bundle cannot be built: see above"
}
