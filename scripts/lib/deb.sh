# shellcheck shell=bash
# build_deb: the project with everything of requirements.lock it needs as a Debian package, by debhelper
# and packaging/debian. It fits the release, the architecture and the Python that it was built on.

deb_version() { # REVISION
    # A pre-release sorts before its release.
    printf '%s-%s\n' "$(project_version | sed 's/\(a\|b\|rc\|\.dev\)/~\1/')" "$1"
}

deb_path() { # DIRECTORY REVISION
    printf '%s/fastx-docker-supervisor_%s_%s.deb\n' "$1" "$(deb_version "$2")" \
        "$(dpkg --print-architecture)"
}

build_deb() { # DIRECTORY REVISION
    local work
    [[ $(system_python) == /usr/bin/python3 ]] ||
        die "a .deb is made for Debian's /usr/bin/python3, which has to be 3.11 or newer, with venv"
    mkdir -p "$1" "$FX_CACHE_DIR/build"
    work=$(mktemp -d "$FX_CACHE_DIR/build/deb.XXXXXX")
    # shellcheck disable=SC2064  # expanded now: the path is what is to be removed
    trap "rm -rf '$work'" EXIT
    lay_out_deb "$work/tree" "$2"
    (
        cd "$work/tree" || exit
        # Where the build happens is nobody's business: no path of it gets into the package.
        DEB_BUILD_OPTIONS=nocheck dpkg-buildpackage --build=binary --no-sign --no-check-builddeps
    ) || die "dpkg-buildpackage failed: see above"
    mv "$(deb_path "$work" "$2")" "$1/"
}

lay_out_deb() { # TREE REVISION
    local tree=$1
    mkdir -p "$tree" "$tree/bin" "$tree/completions"
    build_wheel "$tree/wheel"
    install_wheel "$(build_venv)/bin/python" "$tree/wheel" --no-compile --target "$tree/python"
    # Scripts name the interpreter they were made with, and records the scripts.
    rm -rf "$tree/python/bin" "$tree"/python/*.dist-info/{RECORD,REQUESTED,INSTALLER}
    cp -R "$FX_ROOT"/packaging/{debian,etc,man,pam} "$FX_ROOT"/{CHANGELOG.md,README.md} "$tree/"
    packaged_config >"$tree/etc/supervisor.yaml"
    cp "$FX_ROOT/templates/portal.yaml" "$tree/etc/"
    launcher supervisor.__main__ "$tree/bin/fx-supervisor"
    launcher supervisor.ctl.app "$tree/bin/fxctl"
    launcher portal.__main__ "$tree/bin/fx-portal"
    PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$tree/python /usr/bin/python3 -m supervisor.ctl.app \
        completion bash >"$tree/completions/fxctl"
    changelog "$2" >"$tree/debian/changelog"
    # What is packed has the modes of the sources, which have those of a checkout's umask.
    chmod -R u+rwX,go+rX,go-w "$tree"
}

launcher() { # MODULE FILE
    sed "s/@MODULE@/$1/" "$FX_ROOT/packaging/launcher" >"$2"
    chmod 0755 "$2"
}

changelog() { # REVISION
    cat <<END
fastx-docker-supervisor ($(deb_version "$1")) unstable; urgency=medium

  * Version $(project_version): see CHANGELOG.md in this directory.

 -- the FastX Docker supervisor authors <root@localhost>  $(date --utc --date "@$SOURCE_DATE_EPOCH" -R)
END
}
