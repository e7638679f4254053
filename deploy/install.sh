#!/bin/sh
# Installs Ondol on this machine, brings an installed one up to date, or removes it. Run it again at any time.
# Usage: install.sh [--binary FILE] [--no-start] | --uninstall [--purge]
#   --binary FILE  the program to install (default: `ondol` beside this script, or the one that cargo built)
#   --no-start     install and enable, but start nothing now
#   --uninstall    stop and remove Ondol; configuration, state and logs stay
#   --purge        with --uninstall: remove these too, with all that apps have written, and their users
set -eu

here=$(cd "$(dirname "$0")" && pwd)
binary_to=/usr/local/bin/ondol
unit_to=/etc/systemd/system/ondol.service
config_dir=/etc/ondol
config=$config_dir/ondol.toml
state_dir=/var/lib/ondol
log_dir=/var/log/ondol
user=ondol-web
# The first systemd that knows Type=notify-reload.
notify_reload_since=253
# `ondol status` ends so when no agent is running.
exit_no_agent=3

binary='' start=yes uninstall=no purge=no changed=no restart_for=''

say() { echo "ondol: $*"; }
did() { changed=yes; say "$*"; }
refuse() { echo "ondol: $*" >&2; exit 1; }
usage() { sed -n '3,7s/^# //p' "$0" >&2; exit 2; }

work=''
leave() { [ -z "$work" ] || rm -rf "$work"; }
trap leave EXIT
trap 'exit 1' HUP INT TERM

while [ $# -gt 0 ]; do
  case $1 in
    --binary) [ $# -ge 2 ] || usage; binary=$2; shift ;;
    --no-start) start=no ;;
    --uninstall) uninstall=yes ;;
    --purge) purge=yes ;;
    *) usage ;;
  esac
  shift
done
[ "$purge" = no ] || [ "$uninstall" = yes ] || usage

[ "$(id -u)" = 0 ] || refuse "installing needs root; run it with sudo."
for tool in systemctl cmp install realpath; do
  command -v "$tool" >/dev/null || refuse "$tool was not found; Ondol is installed on machines with systemd. Without it, \`ondol run\` works as it is."
done
[ -d /run/systemd/system ] || refuse "systemd does not run this machine, so nothing would start Ondol. \`ondol run\` works without it."

# A file that is replaced is replaced whole: a power cut leaves the old one or the new one.
put() { # SOURCE TARGET MODE
  install -m "$3" "$1" "$2.new"
  sync "$2.new"
  mv -f "$2.new" "$2"
  sync "$(dirname "$2")"
}

# Users that Ondol has made for apps (`user` in ondol.toml names others, which are not its own).
app_users() { getent passwd | sed -n 's/^\(ondol-[^:]*\):.*:The app .*, run by Ondol:.*/\1/p'; }

running() { systemctl --quiet is-active ondol.service; }

remove() {
  if [ -e "$unit_to" ]; then
    systemctl --quiet disable --now ondol.service || refuse "the service could not be stopped; nothing was removed. See: systemctl status ondol"
    rm -f "$unit_to"
    systemctl daemon-reload
    systemctl --quiet reset-failed ondol.service 2>/dev/null || true
    did "stopped with all its apps, and its service removed."
  fi
  if [ -e "$binary_to" ]; then
    # An upgrade keeps the program before, and one that was cut off leaves the next one.
    rm -f "$binary_to" "$binary_to.previous" "$binary_to.next"
    did "removed $binary_to."
  fi
  if getent passwd "$user" >/dev/null; then
    userdel "$user" || refuse "the user $user could not be removed; see which of its processes still runs, then run this again."
    did "removed the user $user."
  fi
  if [ "$purge" = yes ]; then
    for dir in "$config_dir" "$state_dir" "$log_dir" /run/ondol; do
      [ -e "$dir" ] || continue
      rm -rf "$dir"
      did "removed $dir."
    done
    # After their files: a number that is free again may become another user's.
    for app_user in $(app_users); do
      userdel "$app_user" || refuse "the user $app_user could not be removed; see which of its processes still runs, then run this again."
      did "removed the user $app_user."
    done
  fi
  [ "$changed" = yes ] || say "nothing to do: it is not installed."
  kept=''
  for dir in "$config_dir" "$state_dir" "$log_dir"; do [ ! -e "$dir" ] || kept="$kept $dir"; done
  for app_user in $(app_users); do kept="$kept, the user $app_user"; done
  [ -z "$kept" ] || say "kept:${kept#,} (--uninstall --purge removes these too)."
}

find_binary() {
  if [ -z "$binary" ]; then
    for candidate in "$here/ondol" "$here/../target/release/ondol"; do
      [ ! -x "$candidate" ] || { binary=$candidate; break; }
    done
  fi
  [ -n "$binary" ] || refuse "no program to install beside this script; name it with --binary FILE."
  if [ ! -f "$binary" ] || [ ! -x "$binary" ]; then refuse "$binary is not a program."; fi
  binary=$(realpath "$binary")
  version=$("$binary" version 2>/dev/null) || refuse "$binary does not run on this machine; it was built for another one."
  version=$(printf '%s\n' "$version" | sed -n '1s/^ondol/Ondol/p')
}

# Before anything else is touched: the new program must accept the file that it will have to serve.
check_configuration() {
  file=$config
  [ -e "$file" ] || file=$here/ondol.toml
  [ -e "$file" ] || refuse "there is no $config and no ondol.toml beside this script to begin with."
  "$binary" --config "$file" check "$file" >"$work/check" 2>&1 || {
    cat "$work/check" >&2
    refuse "$file has mistakes, so nothing was installed and what runs goes on. Correct it and run this again."
  }
}

add_user() {
  ! getent passwd "$user" >/dev/null || return 0
  if command -v systemd-sysusers >/dev/null; then
    SYSTEMD_LOG_LEVEL=warning systemd-sysusers "$here/ondol.sysusers"
  else
    useradd --system --user-group --no-create-home --home-dir / --shell /usr/sbin/nologin --comment "Ondol data plane" "$user"
  fi
  # Logs that an earlier installation left belong to the number of its user.
  [ ! -d "$log_dir" ] || chown "$user:" "$log_dir"
  did "added the user $user, as which the data plane runs."
}

add_configuration() {
  [ ! -e "$config" ] || return 0
  install -d -m 755 "$config_dir"
  put "$here/ondol.toml" "$config" 644
  did "wrote a first $config."
}

write_unit() {
  cp "$here/ondol.service" "$work/unit"
  systemd_version=$(systemctl --version | sed -n '1s/^systemd \([0-9]*\).*/\1/p')
  if [ "${systemd_version:-0}" -lt "$notify_reload_since" ]; then
    sed -i -e 's/^Type=notify-reload$/Type=notify/' -e '/^# systemd older than/d' -e '/^# The reload itself/d' \
      -e 's|^ExecReload=.*|ExecReload=/usr/local/bin/ondol reload|' "$work/unit"
  fi
  ! cmp -s "$work/unit" "$unit_to" || return 0
  ! running || restart_for="the changed service file"
  put "$work/unit" "$unit_to" 644
  systemctl daemon-reload
  did "wrote $unit_to."
}

# A running Ondol tries a new program, installs it and takes it over by itself; when it will not, it goes on as it is.
put_binary() {
  ! cmp -s "$binary" "$binary_to" || return 0
  agent=$exit_no_agent
  if running; then
    agent=0
    "$binary_to" status >/dev/null 2>&1 || agent=$?
  fi
  if [ "$agent" != "$exit_no_agent" ]; then
    "$binary_to" upgrade "$binary" || refuse "the running Ondol did not take the new program and goes on as it is."
    did "the running Ondol is now $version; no request was lost."
    return
  fi
  install -d -m 755 "$(dirname "$binary_to")"
  put "$binary" "$binary_to" 755
  did "installed $version as $binary_to."
  # It runs and does not answer, so there is nothing to lose.
  ! running || systemctl restart ondol.service
}

enable_and_start() {
  systemctl --quiet is-enabled ondol.service 2>/dev/null || {
    systemctl --quiet enable ondol.service
    did "enabled: it starts with the machine."
  }
  [ "$start" = yes ] && ! running || return 0
  systemctl start ondol.service || {
    journalctl --unit ondol.service --lines 15 --no-pager --output cat >&2 || true
    refuse "installed, but it did not start; above is what it said last. After the repair: systemctl start ondol"
  }
  did "started."
}

summary() {
  if running; then now="is installed and runs"; else now="is installed; start it with: systemctl start ondol"; fi
  if [ "$changed" = no ]; then say "nothing to do: $version $now."; return; fi
  say "$version $now."
  [ -z "$restart_for" ] || say "$restart_for takes effect with: systemctl restart ondol"
  cat <<SUMMARY

  configuration  $config    (then: ondol check, ondol reload)
  state          $state_dir
  logs           $log_dir, journalctl -u ondol
  how it does    ondol status, ondol sites
SUMMARY
}

work=$(mktemp -d)
if [ "$uninstall" = yes ]; then
  remove
else
  find_binary
  # The check asks whether the data plane's user may read what it would serve.
  add_user
  check_configuration
  add_configuration
  write_unit
  put_binary
  enable_and_start
  summary
fi
