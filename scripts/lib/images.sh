# shellcheck shell=bash
# ensure_image NAME: the image of images/NAME/recipe and images/NAME/files (see images/README.md),
# built when it is not there or one of the two has changed.

RECIPE_LABEL=com.fastx.supervisor.recipe
STAGE_LABEL=com.fastx.supervisor.recipe-stage # on what a build leaves beside its result
PULL_SECONDS=10
BUILD_SECONDS=900
UNNEEDED=(usr/share/doc usr/share/man usr/share/info usr/share/locale var/cache/apt var/lib/apt/lists)

image_names() {
    local recipe
    for recipe in "$FX_ROOT"/images/*/recipe; do
        basename "$(dirname "$recipe")"
    done
}

ensure_image() { # NAME
    [[ -r $FX_ROOT/images/$1/recipe ]] || die "no recipe images/$1/recipe; there are: $(image_names | xargs)"
    ! image_is_current "$1" || return 0
    with_lock "image-$1" build_image "$1"
}

image_is_current() { # NAME
    local label
    label=$(docker image inspect --format "{{index .Config.Labels \"$RECIPE_LABEL\"}}" \
        "$(recipe_value "$1" image)" 2>/dev/null) || return 1
    [[ $label == "$(recipe_hash "$1")" ]]
}

# One value of a recipe; repeated keys are joined.
recipe_value() { # NAME KEY
    sed -n "s/^$2[[:space:]]\{1,\}//p" "$FX_ROOT/images/$1/recipe" | xargs
}

recipe_hash() { # NAME
    {
        grep -v '^#' "$FX_ROOT/images/$1/recipe"
        if has_files "$1"; then
            (cd "$FX_ROOT/images/$1/files" && find . -type f -print0 | sort -z | xargs -0 sha256sum)
        fi
    } | sha256sum | cut -c -16
}

# What lies over the packages' own files.
has_files() { # NAME
    [[ -d $FX_ROOT/images/$1/files ]]
}

# Root's, and to be read by everybody, whatever the tree's owner and umask.
copy_files() { # NAME DIRECTORY
    ! has_files "$1" || tar -C "$FX_ROOT/images/$1/files" --owner=0 --group=0 --mode=u=rwX,go=rX -c . |
        tar -C "$2" --no-same-permissions --no-overwrite-dir -x
}

build_image() { # NAME
    # Another run may have built it while this one waited.
    ! image_is_current "$1" || return 0
    local work leftover
    for leftover in "$FX_CACHE_DIR/build/$1."*; do
        [[ ! -e $leftover ]] || remove_tree "$leftover"
    done
    mkdir -p "$FX_CACHE_DIR/build"
    work=$(mktemp -d "$FX_CACHE_DIR/build/$1.XXXXXX")
    # shellcheck disable=SC2064  # expanded now: the path is what is to be removed
    trap "end_contained; remove_tree '$work'" EXIT
    trap 'exit 143' INT TERM HUP
    if has_base "$1" && build_from_base "$1" "$work"; then
        return
    fi
    build_from_packages "$1" "$work"
}

has_base() { # NAME
    local base failed=$FX_LOG_DIR/no-registry
    base=debian:$(recipe_value "$1" suite)-slim
    ! docker image inspect "$base" >/dev/null 2>&1 || return 0
    # One slow refusal a run is enough.
    [[ ! -e $failed ]] || return 1
    say "pulling $base"
    if ! timeout --foreground "$PULL_SECONDS" docker pull --quiet "$base"; then
        say "$base cannot be pulled: using Debian packages"
        touch "$failed"
        return 1
    fi
}

build_from_base() { # NAME WORK
    dockerfile "$1" >"$2/Dockerfile"
    cp "$FX_LIB/finish-scratch" "$2/"
    mkdir "$2/files"
    copy_files "$1" "$2/files"
    say "docker build of $(recipe_value "$1" image)"
    timeout --foreground "$BUILD_SECONDS" docker build --force-rm --tag "$(recipe_value "$1" image)" \
        --label "$RECIPE_LABEL=$(recipe_hash "$1")" "$2" && {
        docker image prune --force --filter "label=$STAGE_LABEL=$1" >/dev/null
        return
    }
    say "docker build failed (have containers a network?): using Debian packages"
    return 1
}

dockerfile() { # NAME
    local base packages command install
    base=debian:$(recipe_value "$1" suite)-slim
    packages=$(recipe_value "$1" packages)
    command=$(recipe_value "$1" command)
    install="RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y"
    install+=" --no-install-recommends $packages && cd / && rm -rf ${UNNEEDED[*]}"
    if [[ $(recipe_value "$1" base) == scratch ]]; then
        printf '%s\n' "FROM $base AS build" "LABEL $STAGE_LABEL=$1" "RUN apt-get update && cd /tmp && apt-get download $packages" \
            "RUN mkdir /image && for deb in /tmp/*.deb; do dpkg-deb -x \$deb /image; done" \
            "COPY finish-scratch /" "RUN /finish-scratch /image" \
            "FROM scratch" "COPY --from=build /image /"
    else
        printf '%s\n' "FROM $base"
        [[ -z $packages ]] || printf '%s\n' "$install"
        printf '%s\n' "COPY files/ /"
    fi
    printf 'CMD ["%s"]\n' "$command"
}

build_from_packages() { # NAME WORK
    mkdir "$2/tree"
    if [[ $(recipe_value "$1" base) == scratch ]]; then
        unpack_packages "$1" "$2"
    else
        bootstrap "$1" "$2"
    fi
    say "importing $(recipe_value "$1" image)"
    tar -C "$2/tree" --numeric-owner -c . | docker import \
        --change "CMD [\"$(recipe_value "$1" command)\"]" \
        --change "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" \
        --change "LABEL $RECIPE_LABEL=$(recipe_hash "$1")" - "$(recipe_value "$1" image)"
}

bootstrap() { # NAME WORK
    local suite packages options=() unneeded
    ((EUID == 0)) || die "no registry within reach, and building from packages needs root:" \
        "run 'sudo scripts/image $1' once"
    suite=$(recipe_value "$1" suite)
    packages=$(recipe_value "$1" packages)
    options=(--variant=minbase)
    [[ -z $packages ]] || options+=("--include=${packages// /,}")
    fetch_packages "$suite" "$2/tree" "${options[@]}"
    say "debootstrap of $suite"
    debootstrap_of "$suite" "$2/tree" "${options[@]}"
    for unneeded in "${UNNEEDED[@]}"; do
        rm -rf "${2:?}/tree/$unneeded"
    done
    copy_files "$1" "$2/tree"
}

# One image at a time: of a package that another is just fetching to the same place, debootstrap says
# that it is damaged, and removes it.
fetch_packages() { # SUITE TREE OPTION...
    local lock=$FX_CACHE_DIR/locks/debs-$1 debs=$FX_CACHE_DIR/debs/$1 held
    mkdir -p "$debs"
    say "fetching packages of $1"
    exec {held}>"$lock"
    flock -w "$BUILD_SECONDS" "$held" || die "$lock is held too long: 'lslocks' says by whom"
    debootstrap_of "$@" --download-only "--cache-dir=$debs"
    exec {held}>&-
}

debootstrap_of() { # SUITE TREE OPTION...
    contained timeout "$BUILD_SECONDS" debootstrap "${@:3}" "$1" "$2" || {
        tail -n 20 "$2/debootstrap/debootstrap.log" 2>/dev/null || true
        die "debootstrap of $1 failed: is a Debian mirror within reach?"
    }
}

# Runs COMMAND in process and mount namespaces of its own: whatever kills this script ends
# everything that COMMAND started, and what was mounted inside the new system goes with it. In the
# background, since a signal interrupts bash's wait and not what runs in the foreground.
contained() { # COMMAND...
    local wrapper=(unshare --mount --pid --fork --kill-child=KILL --mount-proc)
    if "${wrapper[@]}" true 2>/dev/null; then
        wrapper=(setpriv --pdeathsig KILL "${wrapper[@]}")
    else
        wrapper=()
    fi
    "${wrapper[@]}" "$@" &
    CONTAINED=$!
    wait "$CONTAINED"
}

end_contained() {
    [[ -z ${CONTAINED:-} ]] || kill -KILL "$CONTAINED" 2>/dev/null || true
}

unpack_packages() { # NAME WORK
    local deb packages
    read -ra packages <<<"$(recipe_value "$1" packages)"
    mkdir "$2/debs"
    (
        cd "$2/debs" || exit
        apt-get -q -o APT::Sandbox::User=root download "${packages[@]}" ||
            die "apt cannot fetch ${packages[*]}: try 'apt-get update'"
    )
    for deb in "$2"/debs/*.deb; do
        dpkg-deb -x "$deb" "$2/tree"
    done
    "$FX_LIB/finish-scratch" "$2/tree"
}

# Removes a tree in which something may still be mounted.
remove_tree() { # DIRECTORY
    local mount
    while read -r mount; do
        umount -l "$mount" || true
    done < <(awk -v "top=$1/" 'index($5 "/", top) == 1 { print $5 }' /proc/self/mountinfo | sort -r)
    # What was killed a moment ago may still be writing.
    rm -rf --one-file-system "$1" 2>/dev/null || { sleep 1 && rm -rf --one-file-system "$1"; }
}
