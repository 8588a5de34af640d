# shellcheck shell=bash
# What every script sources: paths, steps with progress, and the idempotent set-up.
#
# Nothing here keeps state in variables across steps (a step is a child process): where something
# is found is a function of the cache directory, and the cache is only ever added to.
set -euo pipefail
umask 022
PATH=$PATH:/usr/sbin:/sbin # where dockerd and debootstrap are, also for those who do not have it

FX_LIB=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
FX_ROOT=$(cd "$FX_LIB/../.." && pwd)
if [[ -z ${FX_CACHE_DIR:-} ]]; then
    if ((EUID == 0)); then
        FX_CACHE_DIR=/var/cache/fastx-supervisor
    else
        FX_CACHE_DIR=${XDG_CACHE_HOME:-$HOME/.cache}/fastx-supervisor
    fi
fi
[[ $FX_CACHE_DIR == /* ]] || FX_CACHE_DIR=$PWD/$FX_CACHE_DIR
export FX_CACHE_DIR FX_ROOT

# shellcheck source=scripts/lib/steps.sh
source "$FX_LIB/steps.sh"
# shellcheck source=scripts/lib/packages.sh
source "$FX_LIB/packages.sh"
# shellcheck source=scripts/lib/engine.sh
source "$FX_LIB/engine.sh"
# shellcheck source=scripts/lib/users.sh
source "$FX_LIB/users.sh"
# shellcheck source=scripts/lib/venvs.sh
source "$FX_LIB/venvs.sh"
# shellcheck source=scripts/lib/vendor.sh
source "$FX_LIB/vendor.sh"
# shellcheck source=scripts/lib/wheels.sh
source "$FX_LIB/wheels.sh"
# shellcheck source=scripts/lib/deb.sh
source "$FX_LIB/deb.sh"
# shellcheck source=scripts/lib/images.sh
source "$FX_LIB/images.sh"
# shellcheck source=scripts/lib/bundle.sh
source "$FX_LIB/bundle.sh"
# shellcheck source=scripts/lib/setup.sh
source "$FX_LIB/setup.sh"
