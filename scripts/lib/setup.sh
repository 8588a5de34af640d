# shellcheck shell=bash
# set_up PURPOSE: everything that a purpose needs, what does not depend on each other side by side.
#   checks   linters and unit tests; no engine, no root
#   demo     an engine, users, the project installed, the images of shipped templates
#   all      all of it

set_up() { # PURPOSE
    local name
    step "host packages" ensure_packages "$1"
    if [[ $1 != checks ]]; then
        step "Docker Engine" ensure_engine
        step "users" ensure_users
    fi
    step "noVNC, from npm" ensure_vendored
    case $1 in
        checks)
            step_start "packages for tests" ensure_dev_venv
            ;;
        demo)
            step_start "the project, installed" ensure_runtime_venv
            step_start "X server bundle" ensure_bundle
            # Whatever the portal offers can be launched.
            for name in fx-sample fx-xfce fx-browser; do
                step_start "image $(recipe_value "$name" image)" ensure_image "$name"
            done
            ;;
        all)
            step_start "a second user" ensure_second_user
            step_start "packages for tests" ensure_dev_venv
            step_start "tools that build packages" ensure_build_venv
            step_start "what tests take from npm" ensure_node_modules
            step_start "the project, installed" ensure_runtime_venv
            step_start "X server bundle" ensure_bundle
            for name in $(image_names); do
                step_start "image $(recipe_value "$name" image)" ensure_image "$name"
            done
            ;;
        *) die "unknown purpose $1: all, checks or demo" ;;
    esac
    steps_wait
}
