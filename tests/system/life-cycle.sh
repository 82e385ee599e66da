# The life of a package on a running host, the same for both families. The case defines install_package, remove_package.
# shellcheck shell=bash source=tests/system/lib.sh
enabled() { [ "$(in_guest systemctl is-enabled ecs-nanny.service)" = enabled ]; }

install_package >"$work/told/package" 2>&1
check "enabled by the package" enabled
check "its volume plugin is enabled" in_guest systemctl --quiet is-enabled ecs-nanny-volumes.socket
unit_is inactive ecs-nanny-volumes.socket || fail "the volume plugin's socket was opened by the package"
unit_is inactive ecs-nanny.service || fail "started by the package"
check "its directories are there" in_guest test -d /run/ecs-nanny -a -d /var/lib/ecs/data -a -e /run/xtables.lock
in_guest systemctl start ecs-nanny.service
phase_becomes healthy
grep -q 51679 < <(in_guest iptables-save) || fail "no rules for the agent's endpoint while it runs"

# The other program of the package is where the first one looks for it.
check "the agent's image is fetched" in_guest ecs-nanny image fetch --url /var/cache/ecs/ecs-agent.tar \
    --to /var/cache/lab/fetched.tar >"$work/told/fetched" 2>&1
check "a manual page of each command" in_guest test -e /usr/share/man/man1/ecs-nanny-aws.1.gz -a \
    -e /usr/share/man/man1/ecs-nanny-image-fetch.1.gz

remove_package >>"$work/told/package" 2>&1
[ "$(agent '{{.State.Running}}')" = false ] || fail "the agent runs after the removal"
! grep -q 51679 < <(in_guest iptables-save) || fail "rules stayed after the removal"
in_guest test ! -e /etc/systemd/system/multi-user.target.wants/ecs-nanny.service || fail "enabled after the removal"
in_guest test ! -e /etc/systemd/system/sockets.target.wants/ecs-nanny-volumes.socket ||
    fail "the volume plugin is enabled after the removal"
in_guest test ! -e /usr/bin/ecs-nanny || fail "files stayed after the removal"

# Whoever removes a package and installs it again expects to have what was before.
install_package >>"$work/told/package" 2>&1
check "enabled again" enabled
in_guest systemctl disable ecs-nanny.service
remove_package >>"$work/told/package" 2>&1
left=$(find "$root/etc/systemd/system" -path '*.wants/ecs-nanny*')
[ -z "$left" ] || fail "enabled after the removal: $left"
