# shellcheck shell=bash
# ensure_packages PURPOSE: what the host must have beside this tree. Installs what is missing with
# apt when it may, and says which; says what to install when it may not.

ensure_packages() { # PURPOSE
    local missing=()
    mapfile -t missing < <(missing_packages "$1" | sort -u)
    ((${#missing[@]})) || return 0
    if ! command -v apt-get >/dev/null; then
        die "these are missing (names as in Debian), install them and run this again: ${missing[*]}"
    elif ((EUID != 0)); then
        die "these packages are missing: run 'sudo apt-get install ${missing[*]}', then this again"
    fi
    say "note: installing ${missing[*]}"
    if [[ " ${missing[*]} " == *" docker-registry "* ]]; then
        with_lock apt without_service docker-registry install_packages "${missing[@]}"
    else
        with_lock apt install_packages "${missing[@]}"
    fi
}

missing_packages() { # PURPOSE
    [[ $1 == pages ]] || missing_for_checks
    case $1 in
        checks | pages) missing_for_pages ;;
        packages) missing_for_packages ;;
        images) missing_for_sessions ;;
        display) missing_for_display ;;
        demo) missing_for_pages && missing_for_sessions ;;
        all) missing_for_pages && missing_for_packages && missing_for_sessions && missing_for_tests ;;
        *) die "unknown purpose $1" ;;
    esac
}

# Runs COMMAND, which brings SERVICE: nobody asked for what it would offer on every interface.
without_service() { # SERVICE COMMAND...
    local service=$1
    shift
    if [[ -d /run/systemd/system ]]; then
        systemctl mask --quiet "$service.service"
        "$@"
    else
        "$@"
        "/etc/init.d/$service" stop || true
    fi
}

missing_for_checks() {
    has_python || echo python3-venv
    command -v prove >/dev/null || echo perl
    command -v openssl >/dev/null || echo openssl # a certificate that nobody trusts
    command -v node >/dev/null || echo nodejs # runs the tests of what pages reckon
}

missing_for_pages() {
    are_vendored || command -v npm >/dev/null || echo npm
}

missing_for_packages() {
    command -v dpkg-buildpackage >/dev/null || echo dpkg-dev
    command -v dh >/dev/null || echo debhelper
}

missing_for_sessions() {
    engine_answers || command -v dockerd >/dev/null || printf '%s\n' docker.io iptables
    command -v docker >/dev/null || echo docker.io
    command -v setpriv >/dev/null && command -v flock >/dev/null || echo util-linux
    command -v ps >/dev/null || echo procps # the engine's top runs it
    command -v ip >/dev/null || echo iproute2 # an engine of chaos' own has a network of its own
    # Images are made from Debian packages where no registry can be reached; only root can.
    ((EUID == 0)) || return 0
    command -v debootstrap >/dev/null || echo debootstrap
    [[ -e /usr/share/keyrings/debian-archive-keyring.gpg ]] || echo debian-archive-keyring
}

missing_for_tests() {
    command -v lintian >/dev/null || echo lintian # judges what was built
    command -v docker-registry >/dev/null || echo docker-registry # tests run it, on loopback
    have_node_modules || command -v npm >/dev/null || echo npm # brings axe-core
    command -v chromium >/dev/null || echo chromium
    [[ -e /usr/share/fonts/truetype/dejavu/DejaVuSans.ttf ]] || echo fonts-dejavu-core
}

# What ``scripts/bench display`` stands beside.
missing_for_display() {
    command -v websockify >/dev/null || echo websockify
}

install_packages() { # PACKAGE...
    local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300)
    "${apt[@]}" install --no-install-recommends "$@" && return
    # Lists may be absent, or older than what the mirror still has.
    "${apt[@]}" update
    "${apt[@]}" install --no-install-recommends "$@" ||
        die "apt cannot install $*: see above; 'dpkg --configure -a' mends a broken state"
}
