# shellcheck shell=bash
# uninstall_from_host: what install_on_host has placed, but for what running sessions have mounted.

uninstall_from_host() {
    act "an end of the service" end_service
    act "removal of programs and units" remove_programs
    act "removal of $(library_dir)" remove_library
    [[ $PURGE == no ]] || act "removal of configuration, state and logs" remove_state
}

end_service() {
    local unit
    [[ -d /run/systemd/system ]] || return 0
    for unit in $(our_units) fx-portal.service; do
        systemctl disable --now --quiet "$unit" || true
    done
}

our_units() {
    find "$(unit_dir)" -maxdepth 1 -name 'fx-supervisor*' -printf '%f\n' 2>/dev/null || true
}

remove_programs() {
    local program
    for program in bin/fx-supervisor bin/fxctl bin/fx-portal share/fastx-supervisor; do
        # Another's program of this name is not ours to remove.
        [[ $(readlink "$PREFIX/$program") != "$(library_dir)"/* ]] || rm -f "$PREFIX/$program"
    done
    find "$(unit_dir)" -maxdepth 1 \( -name 'fx-supervisor*' -o -name fx-portal.service \) -delete
    rm -f "$(system_dir sysusers.d)"/fx-{supervisor,portal}.conf "$(system_dir tmpfiles.d)"/fx-{supervisor,portal}.conf
    [[ ! -d /run/systemd/system ]] || systemctl daemon-reload
}

remove_library() {
    if sessions_left; then
        say "note: sessions' containers are left, and with them what they have mounted:" \
            "$(library_dir), /run/fastx-supervisor. To end them:" \
            "docker rm -f \$(docker ps -aq --filter label=com.fastx.supervisor.owner), then repeat this"
        return
    fi
    rm -rf "$(library_dir)"/venv-* "$(library_dir)"/{current,.current,.units} /run/fastx-supervisor
    rm -rf /usr/lib/fastx-supervisor/bundle{,-*}
    rmdir "$(library_dir)" /usr/lib/fastx-supervisor 2>/dev/null || true
}

sessions_left() {
    # Some engines are restarted, or gone, under containers that run on.
    ! grep -qsE 'lib/fastx-supervisor/bundle|/fastx-supervisor/sessions' \
        /proc/[0-9]*/mountinfo || return 0
    [[ -n $(timeout 10 docker ps -aq --filter label=com.fastx.supervisor.owner 2>/dev/null) ]]
}

remove_state() {
    rm -rf "$CONFIG_DIR" /var/fastx/{local,portal} /var/log/fastx-supervisor /etc/pam.d/fx-portal
    rmdir --ignore-fail-on-non-empty /var/fastx 2>/dev/null || true
    say "note: the users fastx and fastx-portal stay: files of them may"
}
